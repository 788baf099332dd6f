//! The checked-in probe is the one that its sources make.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::{fs, path::PathBuf, process::Command};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

#[test]
#[cfg(unix)]
fn the_probe_was_rebuilt_after_its_sources_changed() {
    let root = root();
    if !dxgtrace_tests::requirement::program("sha256sum") {
        return;
    }
    let output = Command::new("sh")
        .arg(root.join("dxgtrace-ebpf/build.sh"))
        .arg("--checksum")
        .output()
        .unwrap();
    assert!(output.status.success());
    let now = String::from_utf8(output.stdout).unwrap();
    let built = fs::read_to_string(root.join("dxgtrace/crates/live/probe/probe.sources")).unwrap();
    assert_eq!(
        built, now,
        "the probe's sources changed: run `make probe` and commit dxgtrace/crates/live/probe"
    );
}

#[test]
fn the_objects_tell_nothing_about_the_machine_that_built_them() {
    for arch in ["x86_64", "aarch64"] {
        let object =
            fs::read(root().join(format!("dxgtrace/crates/live/probe/dxgtrace-{arch}.bpf.o")))
                .unwrap();
        assert!(object.starts_with(b"\x7fELF"));
        for path in [&b"/home/"[..], b"/root/", b"/work/", b"/tmp/", b"/Users/"] {
            assert!(!object.windows(path.len()).any(|window| window == path));
        }
    }
}
