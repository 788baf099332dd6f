//! Lets a tracer attach to a stand-in process before it plays.
//!
//! The stand-in writes the line `ready PID` and reads a line before it starts.
//! The tracer attaches in between, so it misses no packet.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

const READY: &str = "ready ";

/// The stand-in's side: writes `ready PID` to `output` and waits for a line on
/// `input`. False if `input` ends instead: the tracer is gone.
///
/// # Errors
/// Writing or reading fails.
pub fn announce(mut output: impl Write, mut input: impl BufRead) -> io::Result<bool> {
    writeln!(output, "{READY}{}", std::process::id())?;
    output.flush()?;
    let mut line = String::new();
    Ok(input.read_line(&mut line)? > 0)
}

/// The tracer's side: a stand-in process.
///
/// Dropping it kills the process, unless [`StandIn::wait`] was called.
#[derive(Debug)]
pub struct StandIn {
    child: Child,
    output: BufReader<ChildStdout>,
    finished: bool,
}

impl StandIn {
    /// Starts a command that calls [`announce`] on its standard streams, and
    /// waits for its `ready` line.
    ///
    /// # Errors
    /// The command cannot be started, or ends before it is ready.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("the stand-in has no output"))?;
        let mut standin = Self {
            child,
            output: BufReader::new(output),
            finished: false,
        };
        let mut line = String::new();
        loop {
            line.clear();
            if standin.output.read_line(&mut line)? == 0 {
                return Err(io::Error::other("the stand-in ended before it was ready"));
            }
            if line.starts_with(READY) {
                return Ok(standin);
            }
        }
    }

    /// Process id of the stand-in, to attach to.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells the stand-in to start playing.
    ///
    /// # Errors
    /// The stand-in has closed its standard input.
    pub fn go(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut input) => input.write_all(b"go\n"),
            None => Ok(()),
        }
    }

    /// Whether the process has ended.
    ///
    /// # Errors
    /// The operating system cannot tell.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Standard output of the stand-in, after the `ready` line.
    pub fn output(&mut self) -> &mut impl BufRead {
        &mut self.output
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// Waiting fails.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.finished = true;
        self.child.wait()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if !self.finished {
            // Fails if the process has already ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
