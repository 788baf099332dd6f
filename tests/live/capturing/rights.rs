//! The rights that a capture needs, and those that it gives up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use dxgtrace_standin::StandIn;
use dxgtrace_tests::program::{self, scratch, text};
use dxgtrace_tests::requirement;
use dxgtrace_tests::running::{Account, Capture, account};

use super::support::{STANDIN, files, folder, into_file, load, signal};

/// `CAP_DAC_OVERRIDE` and `CAP_BPF`.
const DAC_OVERRIDE: u64 = 1 << 1;
const BPF: u64 = 1 << 39;
const NOBODY: &str = "65534";

/// The values of a line of every thread's status.
fn status(pid: u32, line: &str) -> Vec<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let value = status
                .lines()
                .find_map(|found| found.strip_prefix(line))
                .unwrap();
            u64::from_str_radix(value.trim(), 16).unwrap()
        })
        .collect()
}

/// Whether this is root, which can become somebody else.
fn root(program: &str) -> bool {
    if !requirement::live() || !requirement::program(program) {
        return false;
    }
    let root = fs::metadata("/proc/self").is_ok_and(|about| {
        use std::os::unix::fs::MetadataExt;
        about.uid() == 0
    });
    if !root {
        requirement::skip("only root can become somebody else");
    }
    root
}

/// A folder into which anybody may write.
fn open_folder(name: &str) -> PathBuf {
    let folder = folder(name);
    for folder in [folder.as_path(), folder.parent().unwrap()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    folder
}

#[test]
fn a_running_capture_has_given_up_what_it_does_not_need() {
    if !requirement::live() {
        return;
    }
    let file = scratch("rights.pcapng");
    let ring = folder("rights").join("gpu.pcapng");
    let mut standin = load(100, 100, 20);
    standin.go().unwrap();
    let cases = [
        (into_file(&standin, &file, &[]), BPF),
        (
            into_file(&standin, &ring, &["-b", "packets:10"]),
            BPF | DAC_OVERRIDE,
        ),
    ];
    for (capture, kept) in cases {
        thread::sleep(Duration::from_millis(300));
        for line in ["CapEff:", "CapPrm:"] {
            let left = status(capture.pid(), line);
            assert!(
                left.iter().all(|left| left & !kept == 0),
                "{line} {left:x?}"
            );
        }
        assert!(
            status(capture.pid(), "CapInh:")
                .iter()
                .all(|left| *left == 0)
        );
        let bound = status(capture.pid(), "NoNewPrivs:");
        assert!(bound.iter().all(|bound| *bound == 1));
        signal("INT", capture.pid());
        let (status, said) = capture.end().unwrap();
        assert!(status.success(), "{said}");
        assert!(!said.starts_with("0 messages"), "{said}");
    }
    assert!(files(ring.parent().unwrap()).len() > 1);
}

#[test]
fn capture_files_are_for_their_owner_only() {
    if !requirement::live() {
        return;
    }
    let folder = folder("modes");
    let there = folder.join("there.pcapng");
    fs::write(&there, "").unwrap();
    fs::set_permissions(&there, fs::Permissions::from_mode(0o644)).unwrap();
    let mut standin = load(200, 100, 2);
    let keep = ["--keep", "packets:9", "--when", "end"];
    let captures = [
        into_file(&standin, &there, &[]),
        into_file(&standin, &folder.join("ring"), &["-b", "packets:100"]),
        into_file(&standin, &folder.join("flight"), &keep),
    ];
    standin.go().unwrap();
    for capture in captures {
        assert!(capture.end().unwrap().0.success());
    }
    let files = files(&folder);
    assert!(files.len() > 4);
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}

/// The program, copied into a folder that is open to all and goes with it.
struct Copied(PathBuf);

impl Copied {
    fn new(folder: &str) -> Self {
        let program = open_folder(folder).join("dxgtrace");
        fs::copy(program::path().unwrap(), &program).unwrap();
        Self(program)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// A command that runs a program as somebody without any rights but the ambient
/// ones, if any are given.
fn nobody(program: &Path, ambient: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    if !ambient.is_empty() {
        command.args(["--inh-caps", ambient, "--ambient-caps", ambient]);
    }
    command.arg(program).current_dir("/");
    command
}

/// A capture of a stand-in, both as somebody without other rights than those of
/// the program file or `ambient` ones. What came out, or why nothing did.
fn as_nobody(program: &Path, ambient: &str) -> Result<Account, String> {
    // Beside the program, where nobody else's folders are in the way.
    let [copy, file] = ["standin", "gpu.pcapng"].map(|name| program.with_file_name(name));
    fs::copy(STANDIN, &copy).unwrap();
    let loads = ["load", "1", "500", "100", "1"];
    let mut standin = StandIn::spawn(nobody(&copy, "").args(loads)).unwrap();
    let pid = standin.pid().to_string();
    let mut capture = nobody(program, ambient);
    capture.args(["capture", "--stand-in", &pid, "-w", text(&file)]);
    let capture =
        Capture::spawn(capture.stdout(Stdio::null())).map_err(|error| error.to_string())?;
    standin.go().unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(
        status(capture.pid(), "CapPrm:")
            .iter()
            .all(|left| left & !BPF == 0)
    );
    standin.wait().unwrap();
    let (status, said) = capture.end().unwrap();
    assert!(status.success(), "{said}");
    Ok(account(&file).unwrap())
}

/// The capture of the stand-in, with the right for uprobes if this kernel
/// wants it, which then must have been said.
fn with_rights(capture: impl Fn(&str) -> Result<Account, String>) {
    let captured = capture("").or_else(|said| {
        assert!(
            said.contains("CAP_SYS_ADMIN") && said.contains("setcap"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        capture("sys_admin")
    });
    let account = captured.unwrap();
    assert_eq!((account.messages, account.damage), (500, None));
}

#[test]
fn capabilities_of_the_program_file_suffice() {
    if !root("setpriv") {
        return;
    }
    if Command::new("setcap").arg("-h").output().is_err() {
        requirement::skip("setcap is not installed");
        return;
    }
    let copied = Copied::new("file-rights");
    let program = copied.0.as_path();
    with_rights(|more| {
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(",cap_{more}")
        };
        let given = Command::new("setcap")
            .arg(format!("cap_bpf,cap_perfmon{more}+ep"))
            .arg(program)
            .status();
        assert!(
            given.unwrap().success(),
            "files can have no capabilities here"
        );
        as_nobody(program, "")
    });
}

#[test]
fn inherited_capabilities_suffice_and_one_alone_does_not() {
    if !root("setpriv") {
        return;
    }
    let copied = Copied::new("ambient-rights");
    let program = copied.0.as_path();
    with_rights(|more| {
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(",+{more}")
        };
        as_nobody(program, &format!("+bpf,+perfmon{more}"))
    });
    let output = nobody(program, "+bpf")
        .args(["capture", "-q"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("CAP_PERFMON") && said.contains("setcap"),
        "{said}"
    );
}

#[test]
fn under_sudo_a_command_runs_as_who_called_it() {
    if !root("setpriv") {
        return;
    }
    let folder = open_folder("sudo");
    let shown = folder.join("shown");
    let script = format!("{{ id -u; id -g; echo $USER; }} > {}", shown.display());
    let mut capture = program::command().unwrap();
    capture
        .args([
            "capture",
            "--stand-in",
            STANDIN,
            "-q",
            "--",
            "sh",
            "-c",
            &script,
        ])
        .env("SUDO_UID", NOBODY)
        .env("SUDO_GID", NOBODY)
        .env("SUDO_USER", "nobody")
        .stdout(Stdio::null());
    let (status, said) = Capture::spawn(&mut capture).unwrap().end().unwrap();
    assert!(status.success(), "{said}");
    let expected = format!("{NOBODY}\n{NOBODY}\nnobody\n");
    assert_eq!(fs::read_to_string(shown).unwrap(), expected);
}
