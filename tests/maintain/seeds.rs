//! `maintain fuzz-seeds [FOLDER]`: writes the corpus with which fuzzing begins,
//! every message in both formats. FOLDER is `tests/fuzz/corpus` unless told.

use std::fs;
use std::path::{Path, PathBuf};

use dxgtrace_tests::exercise::{encode, virtual_gpu};
use dxgtrace_tests::generate::{Counts, Framing, Plan, conversation};

/// Writes it.
pub fn write(folder: Option<&str>) -> anyhow::Result<()> {
    let corpus = match folder {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus"),
    };
    let (packets, exchanges) = (corpus.join("packet"), corpus.join("exchange"));
    fs::create_dir_all(&packets)?;
    fs::create_dir_all(&exchanges)?;
    for message in dxgtrace_protocol::table::all() {
        for framing in Framing::ALL {
            for count in [0, 2] {
                let plan = Plan::new(framing, 1).counts(Counts::Near(count));
                let name = format!("{}-{}-{count}", message.name, framing.version());
                let mut all = Vec::new();
                for (at, made) in conversation(message, plan).iter().enumerate() {
                    let mut one = Vec::new();
                    encode(&made.packet(), &mut one);
                    fs::write(packets.join(format!("{name}-{at}")), &one)?;
                    all.extend(one);
                }
                fs::write(exchanges.join(name), all)?;
            }
        }
    }
    filters(&corpus.join("filter"))?;
    files(&corpus.join("file"))?;
    config_spaces(&corpus.join("config_space"))
}

/// The samples, but for those that are too long to be mutated with profit.
fn files(folder: &Path) -> anyhow::Result<()> {
    const LONGEST: u64 = 1 << 16;
    fs::create_dir_all(folder)?;
    let samples = dxgtrace_tests::samples();
    for place in [
        samples.clone(),
        samples.join("findings"),
        samples.join("rules"),
    ] {
        for entry in fs::read_dir(place)? {
            let path = entry?.path();
            let capture = path.extension().is_some_and(|end| end == "pcapng");
            if let Some(name) = path.file_name().filter(|_| capture)
                && fs::metadata(&path)?.len() <= LONGEST
            {
                fs::copy(&path, folder.join(name))?;
            }
        }
    }
    Ok(())
}

/// Configuration spaces of the samples' virtual GPUs, as bytes and as listings.
fn config_spaces(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for sample in ["v40", "v27"] {
        let path = dxgtrace_tests::samples().join(format!("{sample}.pcapng"));
        let mut reader = dxgtrace_file::open(&path)?;
        while reader.next_record()?.is_some() {}
        for channel in reader.channels() {
            let Some(instance) = channel.instance else {
                continue;
            };
            for version in [0, 27, 40, 41] {
                let space = virtual_gpu(&instance, version, 0x00c0_ffee, 1);
                let name = format!("{sample}-{}-{version}", channel.name);
                let mut listing = "b1de:00:00.0 3D controller\n".to_owned();
                for (at, line) in space.chunks(16).enumerate() {
                    let bytes: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
                    listing.push_str(&format!("{:02x}: {}\n", 16 * at, bytes.join(" ")));
                }
                fs::write(folder.join(format!("{name}.txt")), listing)?;
                fs::write(folder.join(name), space)?;
            }
        }
    }
    Ok(())
}

/// The examples of the guide, each with a packet to ask about.
fn filters(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let guide = include_str!("../../docs/filters.md");
    let blocks = guide.split("```filter\n").skip(1);
    let lines = blocks.flat_map(|block| block.lines().take_while(|line| !line.starts_with("```")));
    for (at, (line, message)) in lines.zip(dxgtrace_protocol::table::all()).enumerate() {
        let mut seed = [line.as_bytes(), b"\0"].concat();
        for made in conversation(message, Plan::new(Framing::Extended, 1)) {
            encode(&made.packet(), &mut seed);
        }
        fs::write(folder.join(at.to_string()), seed)?;
    }
    Ok(())
}
