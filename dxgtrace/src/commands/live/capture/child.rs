//! A command that is run and traced.
//!
//! The command must do nothing before the probe is attached. So this program
//! runs itself once more, and that one stops, is continued when all is ready,
//! and then becomes the command.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use rustix::fs::{Gid, Uid};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, set_parent_process_death_signal,
    waitid,
};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use signal_hook::consts::SIGINT;

use super::Signals;
use crate::commands::{Exit, Failure};

/// The name by which this program knows that it is to become a command.
const LAUNCHER: &str = "dxgtrace-launcher";
/// A command that cannot be found or run ends with these, as in a shell.
const NOT_FOUND: i32 = 127;
const NOT_RUN: i32 = 126;
/// Added to the signal that ended a command, as in a shell.
const SIGNALLED: i32 = 128;

/// The command. If this process ends before it was told to go, it ends too.
pub struct TracedCommand {
    process: std::process::Child,
    status: Option<ExitStatus>,
    asked: bool,
}

impl TracedCommand {
    /// Prepares the command: it waits to be told to go.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn prepare(command: &[OsString]) -> Result<Self, Failure> {
        // The link works even if the file was replaced since.
        let process = Command::new("/proc/self/exe")
            .arg0(LAUNCHER)
            .args(command)
            .spawn()
            .map_err(failed)?;
        let mut child = Self {
            process,
            status: None,
            asked: false,
        };
        // Without taking its status: if it has ended, that comes out later.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(child.id()?), options) {
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
        if child.has_ended() {
            return Err(Failure::Attach(
                "the command ended before it could be traced".to_owned(),
            ));
        }
        Ok(child)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Lets it run.
    ///
    /// # Errors
    /// It cannot be signalled.
    pub fn go(&self) -> Result<(), Failure> {
        kill_process(self.id()?, Signal::CONT).map_err(|error| failed(error.into()))
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// Passes the latest of `signals` on; true if the capture is to end alone,
    /// which a second signal asks for. Ctrl-C is not passed on: the terminal
    /// sends it to both.
    pub fn heeds(&mut self, signals: &Signals) -> bool {
        let signal = signals.taken();
        if signal == 0 {
            return false;
        }
        if self.asked {
            return true;
        }
        self.asked = true;
        if let (Some(signal), Ok(pid)) = (Signal::from_named_raw(signal), self.id())
            && signal != Signal::INT
        {
            // If it has ended meanwhile, that is seen next.
            let _ = kill_process(pid, signal);
        }
        false
    }

    /// Waits for its end; gives what to exit with: as the command did.
    pub fn wait(&mut self, signals: &Signals) -> Exit {
        while !self.has_ended() {
            if self.heeds(signals) {
                return Exit::Command((SIGNALLED + SIGINT) as u8);
            }
            std::thread::sleep(super::PATIENCE);
        }
        let status = self.status.and_then(|status| {
            let signalled = status.signal().map(|signal| SIGNALLED + signal);
            status.code().or(signalled)
        });
        match status.and_then(|code| u8::try_from(code).ok()) {
            Some(0) | None => Exit::Fine,
            Some(code) => Exit::Command(code),
        }
    }

    fn id(&self) -> Result<Pid, Failure> {
        i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| Failure::Attach("the command has no process number".to_owned()))
    }
}

/// With the arguments of a process that was started as a [`LAUNCHER`]: becomes
/// the command.
pub fn launched(mut arguments: impl Iterator<Item = OsString>) -> Option<Result<Exit, Failure>> {
    if arguments.next()? != LAUNCHER {
        return None;
    }
    let program = arguments.next()?;
    Some(launch(&program, arguments))
}

/// Stops, and when continued becomes the command. Under sudo, as the user who
/// called it.
fn launch(program: &OsStr, arguments: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(user) = SudoCaller::by_sudo() {
        user.become_it(&mut command).map_err(failed)?;
    }
    // If the tracer dies, nobody would continue this one.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failed(error.into()))?;
    kill_process(getpid(), Signal::STOP).map_err(|error| failed(error.into()))?;
    set_parent_process_death_signal(None).map_err(|error| failed(error.into()))?;
    let error = command.exec();
    let _ = writeln!(io::stderr(), "dxgtrace: {}: {error}", program.display());
    let code = match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_RUN,
    };
    Ok(Exit::Command(code as u8))
}

fn failed(error: io::Error) -> Failure {
    Failure::Attach(format!("cannot start the command: {error}"))
}

/// Who called sudo.
struct SudoCaller {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl SudoCaller {
    /// Who it was, if this program runs as root by sudo.
    fn by_sudo() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        Some(Self {
            name: std::env::var("SUDO_USER").ok()?,
            uid: Uid::from_raw(number("SUDO_UID")?),
            gid: Gid::from_raw(number("SUDO_GID")?),
        })
    }

    /// Makes this process, which has one thread, one of that user, and gives
    /// the command that user's home.
    fn become_it(&self, command: &mut Command) -> io::Result<()> {
        let ask = |program: &str, arguments: [&str; 2]| -> io::Result<String> {
            let output = Command::new(program).args(arguments).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        // These know of users that are in no file.
        let groups: Vec<Gid> = ask("id", ["-G", &self.name])?
            .split_whitespace()
            .filter_map(|group| group.parse().ok().map(Gid::from_raw))
            .collect();
        let entry = ask("getent", ["passwd", &self.name])?;
        if let Some(home) = entry.split(':').nth(5) {
            command.env("HOME", home);
        }
        command.env("USER", &self.name).env("LOGNAME", &self.name);
        set_thread_groups(&groups)?;
        set_thread_res_gid(self.gid, self.gid, self.gid)?;
        set_thread_res_uid(self.uid, self.uid, self.uid)?;
        Ok(())
    }
}
