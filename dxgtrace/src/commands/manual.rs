//! `dxgtrace man`: writes a manual page of all commands from the definition of the
//! command line.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

/// The manual page of `command`, in roff.
///
/// # Errors
/// Writing into memory fails, which it does not.
pub fn page(mut command: Command) -> io::Result<Vec<u8>> {
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    for below in command.get_subcommands() {
        if below.get_name() != "help" {
            section(&mut page, below)?;
        }
    }
    notes(&mut page, "NOTES", &command)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Writes a command as a section, and its parts as subsections.
fn section(page: &mut Vec<u8>, command: &Command) -> io::Result<()> {
    writeln!(page, ".SH \"dxgtrace {}\"", command.get_name())?;
    let mut parts = Vec::new();
    let man = Man::new(command.clone());
    man.render_description_section(&mut parts)?;
    man.render_synopsis_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut parts)?;
    }
    for line in String::from_utf8_lossy(&parts).lines() {
        match line.strip_prefix(".SH ") {
            // The description follows the section's heading directly.
            Some("DESCRIPTION") => {}
            Some(heading) => writeln!(page, ".SS {heading}")?,
            None => writeln!(page, "{line}")?,
        }
    }
    notes(page, "", command)
}

/// Writes the text below a command's help, line by line.
fn notes(page: &mut Vec<u8>, heading: &str, command: &Command) -> io::Result<()> {
    let Some(text) = command.get_after_help() else {
        return Ok(());
    };
    if !heading.is_empty() {
        writeln!(page, ".SH {heading}")?;
    }
    writeln!(page, ".PP\n.nf")?;
    for line in text.to_string().lines() {
        // roff takes a leading full stop or quote as a request.
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        writeln!(page, "\\&{line}")?;
    }
    writeln!(page, ".fi")
}
