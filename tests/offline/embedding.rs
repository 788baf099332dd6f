//! Programs that embed the library: the examples.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use dxgtrace_tests::{program, requirement, samples};

/// The functions that `nm` lists with `options`.
fn functions(program: &Path, options: &[&str]) -> BTreeSet<String> {
    let symbols = Command::new("nm").args(options).arg(program).output();
    let symbols = symbols.unwrap();
    assert!(symbols.status.success(), "{}", program.display());
    String::from_utf8(symbols.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(" T "))
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// No example defines a function that the probe hooks, so none can be mistaken for a
/// stand-in.
#[test]
#[cfg(target_os = "linux")]
fn a_program_that_embeds_the_library_has_no_function_of_the_driver() {
    if !requirement::program("nm") {
        return;
    }
    let program = program::path().unwrap();
    let exported = functions(program, &["--dynamic", "--defined-only"]);
    for function in dxgtrace_ebpf::functions::ALL {
        assert!(exported.contains(function), "{function}: {exported:?}");
    }
    for example in program::examples().unwrap() {
        let own = functions(&example, &["--defined-only"]);
        assert!(own.contains("main"), "{}", example.display());
        let common: Vec<_> = own.intersection(&exported).collect();
        assert!(common.is_empty(), "{}: {common:?}", example.display());
    }
}

#[test]
fn every_example_runs_and_prints_what_it_promises() {
    let expected = BTreeMap::from([
        ("encode", " allocation 0x400000c0"),
        (
            "findings",
            "error size.reply_short: the reply has 8 bytes, the driver expects 87",
        ),
        (
            "latency",
            "flush_heap_transitions                       6    1344    3467    3467",
        ),
    ]);
    let examples = program::examples().unwrap();
    assert_eq!(examples.len(), expected.len(), "{examples:?}");
    for example in examples {
        let name = example.file_stem().unwrap().to_str().unwrap();
        let output = Command::new(&example)
            .arg(samples().join("v40-errors.pcapng"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(expected[name]), "{name} printed:\n{text}");
    }
}
