//! A command that is run when the flight recorder has written a file.
//!
//! A capture gives up its rights, and with them the one to become the user who
//! called sudo. So a process of its own is started before that: it becomes that
//! user, gives up everything else, and runs the command each time it is told of a
//! file through a pipe. When the pipe is closed, it ends.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dxgtrace_file::recording::SavedFile;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};

use super::traced_command::SudoCaller;
use super::{PACKET_TIMEOUT, print_message};
use crate::commands::{Exit, Failure};

/// The name by which this program knows that it is to run a command.
const RUNNER: &str = "dxgtrace-runner";
/// How long the command may take; then it is killed, with its children.
const LIMIT: Duration = Duration::from_secs(60);
/// Bytes that a pipe takes at once or not at all.
const PIPE_BYTES: usize = 4096;
/// Tell the command which file was written, and why.
const FILE_VARIABLE: &str = "DXGTRACE_FILE";
const REASON_VARIABLE: &str = "DXGTRACE_REASON";

/// The process that runs the command.
pub struct AlarmCommand {
    runner: Child,
    requests: ChildStdin,
}

impl AlarmCommand {
    /// Starts the process. Before rights are given up: it takes some to become the
    /// user who called sudo. With `silent`, it says nothing.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn prepare(command: &[OsString], silent: bool) -> Result<Self, Failure> {
        // Not of the terminal's group: Ctrl-C ends the capture, not the command.
        let mut runner = Command::new("/proc/self/exe")
            .arg0(RUNNER)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(if silent {
                Stdio::null()
            } else {
                Stdio::inherit()
            })
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let requests = runner
            .stdin
            .take()
            .ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        // The capture waits for no command.
        let flags = fcntl_getfl(&requests).map_err(|error| failed(error.into()))?;
        fcntl_setfl(&requests, flags | OFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        Ok(Self { runner, requests })
    }

    /// Has the command run for a file, when those for earlier files have ended.
    pub fn run(&mut self, saved: &SavedFile) {
        let mut request = saved.path.as_os_str().as_bytes().to_vec();
        request.push(0);
        request.extend(saved.reason.bytes().filter(|byte| *byte != 0));
        request.push(0);
        let sent = match request.len() <= PIPE_BYTES {
            true => self.requests.write_all(&request),
            false => Err(io::ErrorKind::InvalidInput.into()),
        };
        if let Err(error) = sent {
            print_message(&format!("the command of --run is not run: {error}"));
        }
    }

    /// Waits for the commands that were asked for, or until `give_up` says so.
    pub fn finish(self, give_up: &mut dyn FnMut() -> bool) {
        let Self {
            mut runner,
            requests,
        } = self;
        drop(requests);
        while matches!(runner.try_wait(), Ok(None)) && !give_up() {
            sleep(PACKET_TIMEOUT);
        }
    }
}

/// Runs commands if this process was started as a [`RUNNER`]. Returns `None` in other
/// processes.
pub fn run_runner(mut arguments: impl Iterator<Item = OsString>) -> Option<Result<Exit, Failure>> {
    if arguments.next()? != RUNNER {
        return None;
    }
    let program = arguments.next()?;
    Some(serve(&program, arguments))
}

fn serve(program: &OsStr, arguments: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(user) = SudoCaller::detect() {
        user.apply_to(&mut command).map_err(failed)?;
    }
    dxgtrace_live::give_up_all_rights().map_err(failed)?;
    let mut requests = io::stdin().lock();
    while let (Some(file), Some(reason)) = (word(&mut requests)?, word(&mut requests)?) {
        command
            .env(FILE_VARIABLE, &file)
            .env(REASON_VARIABLE, reason);
        if let Some(trouble) = run(&mut command, LIMIT) {
            let (program, file) = (program.display(), Path::new(&file).display());
            print_message(&format!("{program}, run for {file}, {trouble}"));
        }
    }
    Ok(Exit::Fine)
}

/// The next word of a request, or `None` if there is none.
fn word(requests: &mut impl BufRead) -> Result<Option<OsString>, Failure> {
    let mut word = Vec::new();
    requests.read_until(0, &mut word).map_err(failed)?;
    Ok(match word.pop() {
        Some(0) => Some(OsString::from_vec(word)),
        _ => None,
    })
}

/// Runs a command to its end, or for so long. Tells what went wrong.
fn run(command: &mut Command, limit: Duration) -> Option<String> {
    let mut child = match command.process_group(0).spawn() {
        Ok(child) => child,
        Err(error) => return Some(format!("cannot be started: {error}")),
    };
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (!status.success()).then(|| format!("ended with {status}")),
            Ok(None) if begun.elapsed() < limit => sleep(PACKET_TIMEOUT),
            Ok(None) => {
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                let _ = child.wait();
                return Some(format!("was killed after {} s", limit.as_secs()));
            }
            Err(error) => return Some(format!("cannot be waited for: {error}")),
        }
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::Attach(format!("cannot run the command of --run: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_does_not_end_is_killed_with_its_children() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo $!; wait"]);
        let (mut reader, writer) = io::pipe().unwrap();
        command.stdout(writer);
        let trouble = run(&mut command, Duration::from_millis(200)).unwrap();
        assert!(trouble.starts_with("was killed"), "{trouble}");
        // The pipe ends when the last process that had it is gone.
        drop(command);
        let mut said = String::new();
        io::Read::read_to_string(&mut reader, &mut said).unwrap();
        assert!(said.trim().parse::<u32>().is_ok(), "{said}");
    }

    #[test]
    fn what_goes_wrong_is_told_and_nothing_else() {
        let trouble = |words: &[&str]| {
            let (program, arguments) = words.split_first().unwrap();
            let mut command = Command::new(program);
            run(command.args(arguments), LIMIT)
        };
        assert_eq!(trouble(&["true"]), None);
        assert_eq!(
            trouble(&["sh", "-c", "exit 3"]).unwrap(),
            "ended with exit status: 3"
        );
        assert!(
            trouble(&["/nonexistent"])
                .unwrap()
                .starts_with("cannot be started")
        );
    }

    #[test]
    fn a_request_is_two_words_and_half_of_one_is_none() {
        let mut requests = io::Cursor::new(b"/a b\0the end\0/c\0why".to_vec());
        let mut next = || word(&mut requests).unwrap();
        assert_eq!(next().unwrap(), "/a b");
        assert_eq!(next().unwrap(), "the end");
        assert_eq!(next().unwrap(), "/c");
        assert_eq!(next(), None);
        assert_eq!(next(), None);
    }
}
