//! Known-issue rules: each matches what it is for, and not what nearly is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dxgtrace_query::rules::{Rule, RuleVerdict, Rules, SHIPPED};
use dxgtrace_session::Session;
use dxgtrace_session::entry::Entry;
use dxgtrace_tests::{program, rule_samples, samples};

/// What a capture matches: rule, packets of the first step, and their groups.
fn matches(path: &Path, rules: &Rules) -> Vec<(String, u64, Vec<String>)> {
    let mut reader = dxgtrace_file::open(path).unwrap();
    let mut session = Session::new();
    let mut run = rules.start_run();
    while let Ok(Some(record)) = reader.next_record() {
        let mut findings = Vec::new();
        let packet = record.packet;
        let seen = session.analyze(&packet, &mut |finding| findings.push(finding));
        run.analyze(&Entry {
            packet: &packet,
            channels: record.channels,
            analysis: &seen,
            request: session.answered_request(),
            findings: &findings,
            changes: session.object_changes(),
            reply_in: None,
            capture_start: 0,
            previous_captured: 0,
            previous_shown: 0,
        });
    }
    run.finish(&session.unanswered_requests());
    run.matches()
        .into_iter()
        .map(|found| {
            let groups = found.groups.keys().cloned().collect();
            (found.rule.name.clone(), found.count, groups)
        })
        .collect()
}

fn names(path: &Path, rules: &Rules) -> Vec<String> {
    matches(path, rules)
        .into_iter()
        .map(|(name, _, _)| name)
        .collect()
}

#[test]
fn every_rule_matches_its_sample_and_not_the_near_miss() {
    let rules = Rules::shipped().unwrap();
    let folder = samples().join("rules");
    for rule in rules.all().iter().filter(|rule| !rule.steps.is_empty()) {
        let name = &rule.name;
        let hit = names(&folder.join(format!("{name}.pcapng")), &rules);
        assert!(hit.contains(name), "{name}: {hit:?}");
        let miss = names(&folder.join(format!("{name}.near.pcapng")), &rules);
        assert!(!miss.contains(name), "{name} matches its near miss");
    }
}

#[test]
fn every_shipped_rule_is_right_in_all_its_patterns() {
    for (name, text) in SHIPPED {
        Rule::parse(name, text).unwrap();
    }
}

#[test]
fn every_rule_recognises_its_lines_of_the_kernel_log() {
    for rule in Rules::shipped().unwrap().all() {
        assert_eq!(
            rule.dmesg.is_empty(),
            rule.examples.is_empty(),
            "{}",
            rule.name
        );
        for line in &rule.examples {
            let fits = rule.dmesg.iter().any(|pattern| pattern.is_match(line));
            assert!(fits, "{}: {line}", rule.name);
        }
        for line in &rule.near_misses {
            let fits = rule.dmesg.iter().any(|pattern| pattern.is_match(line));
            assert!(!fits, "{} matches its near miss: {line}", rule.name);
        }
        assert!(
            !rule.steps.is_empty() || !rule.near_misses.is_empty(),
            "{}: neither sample nor near miss",
            rule.name
        );
        for link in rule.links() {
            assert!(link.starts_with("https://"), "{link}");
        }
        assert!(!rule.steps.is_empty() || !rule.dmesg.is_empty());
    }
}

#[test]
fn every_rule_file_is_part_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dxgtrace/crates/query/rules");
    let files: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let shipped: BTreeSet<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, shipped);
}

#[test]
fn the_page_of_known_issues_is_what_the_rules_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/known-issues.md");
    let made = dxgtrace_query::rules::markdown_page(Rules::shipped().unwrap().all());
    assert!(
        fs::read_to_string(path).unwrap() == made,
        "run `dxgtrace export known-issues > docs/known-issues.md`"
    );
}

#[test]
fn the_samples_are_what_their_generator_makes() {
    let folder = samples().join("rules");
    let made = rule_samples::all(&samples()).unwrap();
    for (name, content) in &made {
        let stored = fs::read(folder.join(name)).unwrap();
        assert!(
            stored == *content,
            "{name} differs; run `cargo run -p dxgtrace-tests --bin maintain samples`"
        );
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), made.len());
}

#[test]
fn recordings_of_correct_behaviour_match_no_fault() {
    let rules = Rules::shipped().unwrap();
    for name in ["v40-enum", "v40-basic", "v40-leak", "v40-opens", "gpadl"] {
        let path = samples().join(format!("{name}.pcapng"));
        for found in names(&path, &rules) {
            let rule = rules.all().iter().find(|rule| rule.name == found).unwrap();
            assert_ne!(rule.verdict, RuleVerdict::Known, "{name}: {found}");
        }
    }
}

#[test]
fn what_was_asked_for_is_counted_apart() {
    let rules = Rules::shipped().unwrap();
    let path = samples().join("rules/adapter-queries-harmless.pcapng");
    let found = matches(&path, &rules);
    let (_, count, groups) = found
        .iter()
        .find(|(name, _, _)| name == "adapter-queries-harmless")
        .unwrap();
    assert_eq!(*count, 3);
    assert!(
        groups.iter().all(|group| group.starts_with("KMTQAITYPE_")),
        "{groups:?}"
    );
}

#[test]
fn rules_that_mean_nothing_are_refused_with_a_reason() {
    let head = "title = 't'\nverdict = 'known'\nwhat = 'w'\nnext = 'n'\n";
    for (text, reason) in [
        ("", "neither"),
        ("[[step]]\nsee = {}", "every packet"),
        (
            "[[step]]\nsee = { message = ['nonsense'] }",
            "no message nonsense",
        ),
        (
            "[[step]]\nsee = { finding = ['nonsense'] }",
            "no finding nonsense",
        ),
        (
            "[[step]]\nsee = { status = ['nonsense'] }",
            "no status nonsense",
        ),
        (
            "[[step]]\nsee = { filter = 'dxg.evict.nonsense == 1' }",
            "filter `dxg.evict",
        ),
        (
            "[[step]]\nsee = { unanswered_seconds = -1 }",
            "is not between 0 and 1e9",
        ),
        (
            "[[step]]\nsee = { unanswered_seconds = 1 }\n[[step]]\nsee = { message = ['evict'] }",
            "last step",
        ),
        ("dmesg = ['(']", "regex"),
        ("colour = 'red'", "unknown field"),
    ] {
        let error = Rule::parse("x", &format!("{head}{text}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    assert!(Rule::parse("x", "title = ").is_err());
}

#[test]
fn users_add_rules_and_replace_shipped_ones() {
    let folder = program::scratch("own-rules");
    fs::create_dir_all(&folder).unwrap();
    let text = "title = 'mine'\nverdict = 'hint'\nwhat = 'w'\nnext = 'n'\n\
                [[step]]\nsee = { filter = 'dxg.create_device.device != 0' }\n";
    fs::write(folder.join("mine.toml"), text).unwrap();
    fs::write(folder.join("ring-full.toml"), text).unwrap();
    fs::write(folder.join("notes.txt"), "no rule").unwrap();
    let mut rules = Rules::shipped().unwrap();
    let before = rules.all().len();
    rules.add_folder(&folder).unwrap();
    assert_eq!(rules.all().len(), before + 1);
    let found = names(&samples().join("v40-basic.pcapng"), &rules);
    assert!(found.contains(&"mine".to_owned()) && found.contains(&"ring-full".to_owned()));
    fs::write(folder.join("bad.toml"), "title").unwrap();
    let error = rules.add_folder(&folder).unwrap_err().to_string();
    assert!(error.contains("rule bad"), "{error}");
    assert!(rules.add_folder(&folder.join("absent")).is_err());
    fs::remove_dir_all(folder).unwrap();
}
