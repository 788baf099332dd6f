//! The Wireshark dissector against the decoder: the same names, values,
//! links, lines and findings on every sample, whole, cut and damaged.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use dxgtrace_tests::differential::{Tshark, compare, expected, mutate};
use dxgtrace_tests::{generate, samples};

/// Every sample, by name.
fn captures() -> Result<Vec<(String, Vec<u8>)>> {
    let mut captures = Vec::new();
    for entry in std::fs::read_dir(samples())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "pcapng")
        {
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned());
            captures.push((
                name.context("a sample without a name")?,
                mutate::whole(&std::fs::read(&path)?)?,
            ));
        }
    }
    captures.sort();
    ensure!(!captures.is_empty(), "there are no samples");
    Ok(captures)
}

/// Every sample, changed in the same way, in one capture.
fn changed(change: impl Fn(&[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let captures = captures()?;
    let changed: Result<Vec<_>> = captures.iter().map(|one| change(&one.1)).collect();
    mutate::join(&changed?)
}

/// A capture as a file, for as long as it is needed.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, content: &[u8]) -> Result<Self> {
        let name = format!("dxgtrace-{}-{name}.pcapng", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Compares one capture, fields and lines.
fn check(tshark: &Tshark, name: &str, content: &[u8]) -> Result<()> {
    let file = Temporary::new(name, content)?;
    let expected = expected(content)?;
    let shown = tshark.read(&file.0, &["-2", "-T", "pdml"])?;
    compare(&expected, &shown)?;
    let column = "gui.column.format:\"Info\",\"%i\"";
    let lines = tshark.read(&file.0, &["-o", column])?;
    for (index, (frame, line)) in expected.iter().zip(lines.lines()).enumerate() {
        ensure!(
            frame.line == line.trim_end(),
            "frame {}: expected {:?}, shown {line:?}",
            index + 1,
            frame.line
        );
    }
    Ok(())
}

#[test]
fn samples_look_the_same() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    for (name, content) in captures()? {
        check(&tshark, &name, &content).context(name)?;
    }
    Ok(())
}

#[test]
fn cut_samples_look_the_same() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    for snap in [0, 20, 90] {
        let content = changed(|capture| mutate::cut(capture, snap))?;
        check(&tshark, &format!("cut-{snap}"), &content)?;
    }
    Ok(())
}

#[test]
fn damaged_samples_look_the_same() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    for seed in 1..=2 {
        let content = changed(|capture| mutate::damage(capture, seed))?;
        check(&tshark, &format!("damaged-{seed}"), &content)?;
    }
    Ok(())
}

#[test]
fn generated_packets_look_the_same() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    for seed in 1..=2 {
        let content = mutate::capture(&generate::capture(seed))?;
        check(&tshark, &format!("generated-{seed}"), &content)?;
        let damaged = mutate::damage(&content, seed)?;
        check(&tshark, &format!("generated-{seed}-damaged"), &damaged)?;
        let cut = mutate::cut(&content, 64)?;
        check(&tshark, &format!("generated-{seed}-cut"), &cut)?;
    }
    Ok(())
}

#[test]
fn every_field_is_known_before_a_packet_is_read() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    let fields = tshark.run(&["-G", "fields"])?;
    let known: std::collections::HashSet<_> = fields
        .lines()
        .filter_map(|line| line.split('\t').nth(2))
        .collect();
    for message in dxgtrace_protocol::table::all() {
        for layout in message.layouts() {
            let names = layout.fields.iter().map(|field| field.name);
            let tails = layout.tails.iter().filter(|tail| {
                matches!(
                    tail.element,
                    dxgtrace_protocol::schema::TailElement::Value(_)
                )
            });
            for field in names.chain(tails.map(|tail| tail.name)) {
                let name = format!("dxg.{}.{field}", message.name);
                ensure!(known.contains(name.as_str()), "{name} is not declared");
            }
        }
    }
    for code in dxgtrace_render::export::reported_in_wireshark() {
        let name = format!("dxg.finding.{}", code.word());
        ensure!(known.contains(name.as_str()), "{name} is not declared");
    }
    Ok(())
}

#[test]
fn filters_find_links_and_fields() -> Result<()> {
    let Some(tshark) = Tshark::find()? else {
        return Ok(());
    };
    let file = Temporary::new("filter", &changed(mutate::whole)?)?;
    let lines = |arguments: &[&str]| -> Result<usize> {
        Ok(tshark.read(&file.0, arguments)?.lines().count())
    };
    let replies = lines(&["-2", "-Y", "dxg.reply_in"])?;
    let counts = lines(&["-Y", "dxg.make_resident.alloc_count"])?;
    let generic = lines(&["-Y", "dxg.device"])?;
    ensure!(replies > 0, "no request is linked to its reply");
    ensure!(counts > 0, "no make_resident is found by its count");
    ensure!(
        generic > 0,
        "no message is found by the device that it names"
    );
    Ok(())
}
