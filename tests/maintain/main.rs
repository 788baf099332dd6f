//! Writes generated files that are checked in: samples, the corpus for fuzzing, the
//! picture of the terminal UI.

mod picture;
mod recording;
mod samples;
mod seeds;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["samples"] => samples::write(),
        ["picture"] => picture::draw(),
        ["fuzz-seeds"] => seeds::write(None),
        ["fuzz-seeds", folder] => seeds::write(Some(folder)),
        ["convert", ..] => recording::convert_file(arguments.get(1..).unwrap_or_default()),
        _ => bail!("usage: maintain samples | picture | fuzz-seeds [FOLDER] | convert --help"),
    }
}
