//! Running tshark with the dissector.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

use crate::requirement;

/// A tshark that loads the dissector and no one's preferences.
pub struct Tshark {
    program: PathBuf,
    script: PathBuf,
    home: PathBuf,
}

impl Tshark {
    /// The tshark of this machine, or that of `DXGTRACE_TSHARK`. `None` if
    /// there is none: then the test is skipped.
    pub fn find() -> Result<Option<Self>> {
        let program = std::env::var_os("DXGTRACE_TSHARK").map_or("tshark".into(), PathBuf::from);
        let home = std::env::temp_dir().join(format!("dxgtrace-tshark-{}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        let this = Self {
            program,
            script: Path::new(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../dissectors/dxg.lua"
            ))
            .to_path_buf(),
            home,
        };
        match Command::new(&this.program).arg("--version").output() {
            Ok(output) if output.status.success() => Ok(Some(this)),
            _ => {
                requirement::skip(&format!("{} does not run", this.program.display()));
                Ok(None)
            }
        }
    }

    /// The same with another dissector.
    pub fn with(mut self, script: &Path) -> Self {
        self.script = script.to_path_buf();
        self
    }

    /// ExpectedValue it prints, given more arguments.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        let complaint = errors
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with("Running as user"));
        if let Some(complaint) = complaint {
            bail!("tshark {arguments:?}: {complaint}");
        }
        ensure!(output.status.success(), "tshark {arguments:?} failed");
        let text = String::from_utf8(output.stdout).context("output that is not UTF-8")?;
        if let Some(at) = text.find("Lua Error:") {
            let line = text.get(at..).and_then(|rest| rest.lines().next());
            bail!("tshark {arguments:?}: {}", line.unwrap_or_default());
        }
        Ok(text)
    }

    /// ExpectedValue it prints of a capture.
    pub fn read(&self, capture: &Path, arguments: &[&str]) -> Result<String> {
        let capture = capture.to_str().context("a path that is not UTF-8")?;
        self.run(&[&["-r", capture], arguments].concat())
    }

    fn output(&self, arguments: &[&str]) -> Result<Output> {
        let script = format!("lua_script:{}", self.script.display());
        Command::new(&self.program)
            .env("WIRESHARK_CONFIG_DIR", &self.home)
            // `-G` must stand first.
            .args(arguments)
            .args(["-X", &script])
            .output()
            .context("tshark does not start")
    }
}

impl Drop for Tshark {
    fn drop(&mut self) {
        // Only empty unless tshark kept something; then it is temporary anyway.
        let _ = std::fs::remove_dir(&self.home);
    }
}
