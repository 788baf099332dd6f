//! Runs a command to be traced.
//!
//! The command must not run before the probe is attached. So this program starts
//! another process of itself, which stops, is continued once the probe is attached, and
//! then executes the command.

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

/// `argv[0]` of a process that is to execute a command.
const LAUNCHER: &str = "dxgtrace-launcher";
/// Exit code if the command is not found, as in a shell.
const NOT_FOUND: i32 = 127;
/// Exit code if the command cannot be executed, as in a shell.
const NOT_RUN: i32 = 126;
/// Exit code of a command that a signal has ended, minus the signal, as in a shell.
const SIGNALLED: i32 = 128;

/// The process of the command. Until [`TracedCommand::resume`], it ends with this
/// process.
pub struct TracedCommand {
    process: std::process::Child,
    status: Option<ExitStatus>,
    signalled: bool,
}

impl TracedCommand {
    /// Starts the process, which waits for [`TracedCommand::resume`].
    ///
    /// # Errors
    /// It cannot be started.
    pub fn prepare(command: &[OsString]) -> Result<Self, Failure> {
        // This link works even if the program file was replaced.
        let process = Command::new("/proc/self/exe")
            .arg0(LAUNCHER)
            .args(command)
            .spawn()
            .map_err(failed)?;
        let mut child = Self {
            process,
            status: None,
            signalled: false,
        };
        // Leaves the status of an ended process to `has_ended`.
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

    /// Lets the process execute the command.
    ///
    /// # Errors
    /// The process cannot be signalled.
    pub fn resume(&self) -> Result<(), Failure> {
        kill_process(self.id()?, Signal::CONT).map_err(|error| failed(error.into()))
    }

    /// Whether the command has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// Forwards the latest of `signals` to the command. Returns true on a second signal,
    /// which stops the capture without waiting for the command. SIGINT is not
    /// forwarded: the terminal sends it to both processes.
    pub fn forward_signal(&mut self, signals: &Signals) -> bool {
        let signal = signals.take_stop_signal();
        if signal == 0 {
            return false;
        }
        if self.signalled {
            return true;
        }
        self.signalled = true;
        if let (Some(signal), Ok(pid)) = (Signal::from_named_raw(signal), self.id())
            && signal != Signal::INT
        {
            // If the command has ended meanwhile, `has_ended` finds out.
            let _ = kill_process(pid, signal);
        }
        false
    }

    /// Waits for the end of the command, and returns its exit code.
    pub fn wait(&mut self, signals: &Signals) -> Exit {
        while !self.has_ended() {
            if self.forward_signal(signals) {
                return Exit::Command((SIGNALLED + SIGINT) as u8);
            }
            std::thread::sleep(super::PACKET_TIMEOUT);
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

/// Executes the command if this process was started as a [`LAUNCHER`], and returns only
/// if that fails. Returns `None` in other processes.
pub fn run_launcher(
    mut arguments: impl Iterator<Item = OsString>,
) -> Option<Result<Exit, Failure>> {
    if arguments.next()? != LAUNCHER {
        return None;
    }
    let program = arguments.next()?;
    Some(launch(&program, arguments))
}

/// Stops this process, and executes the command once it is continued. Under sudo, runs
/// the command as the user who called sudo.
fn launch(program: &OsStr, arguments: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(user) = SudoCaller::detect() {
        user.apply_to(&mut command).map_err(failed)?;
    }
    // If the tracer dies, nobody continues this process.
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

/// The user who called sudo.
pub(super) struct SudoCaller {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl SudoCaller {
    /// The user, if this process runs as root under sudo.
    pub(super) fn detect() -> Option<Self> {
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

    /// Changes the user of this process, which must have one thread, and the user's
    /// variables in the environment of `command`.
    pub(super) fn apply_to(&self, command: &mut Command) -> io::Result<()> {
        let ask = |program: &str, arguments: [&str; 2]| -> io::Result<String> {
            let output = Command::new(program).args(arguments).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        // These programs also know users of network directories.
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
