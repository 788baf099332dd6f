//! Writes the corpus with which fuzzing begins: every message in both formats.

use std::fs;
use std::path::{Path, PathBuf};

use dxgtrace_tests::exercise::encode;
use dxgtrace_tests::generate::{Counts, Framing, Plan, conversation};

fn main() -> anyhow::Result<()> {
    let corpus = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus"),
    };
    let (packets, exchanges) = (corpus.join("packet"), corpus.join("exchange"));
    fs::create_dir_all(&packets)?;
    fs::create_dir_all(&exchanges)?;
    for message in dxgtrace::protocol::all() {
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
    filters(&corpus.join("filter"))
}

/// The examples of the guide, each with a packet to ask about.
fn filters(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let guide = include_str!("../../docs/filters.md");
    let blocks = guide.split("```filter\n").skip(1);
    let lines = blocks.flat_map(|block| block.lines().take_while(|line| !line.starts_with("```")));
    for (at, (line, message)) in lines.zip(dxgtrace::protocol::all()).enumerate() {
        let mut seed = [line.as_bytes(), b"\0"].concat();
        for made in conversation(message, Plan::new(Framing::Extended, 1)) {
            encode(&made.packet(), &mut seed);
        }
        fs::write(folder.join(at.to_string()), seed)?;
    }
    Ok(())
}
