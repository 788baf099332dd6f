//! How a tracer attaches to a stand-in before it plays.
//!
//! The stand-in writes a line `ready PID` and waits for a line; the tracer
//! attaches in between, so no packet is missed.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

const READY: &str = "ready ";

/// The stand-in's side: says that it is ready, and waits until it may start.
/// False if the other side has gone instead.
pub fn announce(mut output: impl Write, mut input: impl BufRead) -> io::Result<bool> {
    writeln!(output, "{READY}{}", std::process::id())?;
    output.flush()?;
    let mut line = String::new();
    Ok(input.read_line(&mut line)? > 0)
}

/// The tracer's side: a stand-in process that waits to be started.
///
/// It is killed if dropped before [`StandIn::wait`].
#[derive(Debug)]
pub struct StandIn {
    child: Child,
    output: BufReader<ChildStdout>,
    finished: bool,
}

impl StandIn {
    /// Starts a command that calls [`announce`] on its standard streams, and
    /// waits until it is ready.
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

    /// Its process id, to attach to.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it play.
    pub fn go(&mut self) -> io::Result<()> {
        match self.child.stdin.take() {
            Some(mut input) => input.write_all(b"go\n"),
            None => Ok(()),
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// What else it writes to its standard output.
    pub fn output(&mut self) -> &mut impl BufRead {
        &mut self.output
    }

    /// Waits for its end.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.finished = true;
        self.child.wait()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if !self.finished {
            // It may have ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
