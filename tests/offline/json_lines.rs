//! Tests that JSON lines match the exported schema.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;

use dxgtrace_tests::program::{run, samples, text};
use regex::Regex;
use serde_json::Value;

/// The shipped schema, of which only what it uses is understood.
struct Schema {
    root: Value,
}

impl Schema {
    fn load() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/jsonl.schema.json");
        let text = std::fs::read_to_string(path).unwrap();
        Self {
            root: serde_json::from_str(&text).unwrap(),
        }
    }

    /// Checks a record, and gives its type.
    fn check(&self, line: &str) -> String {
        let record: Value = serde_json::from_str(line).unwrap();
        let kind = record["type"].as_str().unwrap().to_owned();
        let schema = &self.root["$defs"][&kind];
        assert!(schema.is_object(), "no schema for {line}");
        let listed = self.root["oneOf"].as_array().unwrap();
        let reference = format!("#/$defs/{kind}");
        assert!(listed.iter().any(|one| one["$ref"] == reference), "{kind}");
        if let Err(wrong) = self.fits(schema, &record) {
            panic!("{wrong}\nin {line}");
        }
        kind
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        for (word, rule) in schema.as_object().unwrap() {
            let fine = match word.as_str() {
                "$ref" => {
                    let pointer = rule.as_str().unwrap().trim_start_matches('#');
                    self.fits(self.root.pointer(pointer).unwrap(), value)?;
                    true
                }
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|one| is(one, value)),
                    one => is(one, value),
                },
                "pattern" => {
                    let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
                    value.as_str().is_none_or(|text| pattern.is_match(text))
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.fits(rule, item)?;
                    }
                    true
                }
                "required" => rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| value.get(name.as_str().unwrap()).is_some()),
                "properties" => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        if let Some(schema) = rule.get(name) {
                            self.fits(schema, member)?;
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = |name: &String| schema["properties"].get(name).is_some();
                    let members = value.as_object().into_iter().flatten();
                    let mut others = members.filter(|(name, _)| !known(name));
                    match rule {
                        Value::Bool(false) => others.next().is_none(),
                        schema => {
                            for (_, member) in others {
                                self.fits(schema, member)?;
                            }
                            true
                        }
                    }
                }
                "description" | "$comment" => true,
                other => panic!("the schema uses {other}, which this test does not know"),
            };
            if !fine {
                return Err(format!("{word} {rule} does not hold of {value}"));
            }
        }
        Ok(())
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("no type {other}"),
    }
}

/// Checks all lines of a command's output, and gives the types in them.
fn lines(schema: &Schema, arguments: &[&str]) -> BTreeSet<String> {
    let output = run(arguments).unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(!shown.is_empty(), "{arguments:?}");
    shown.lines().map(|line| schema.check(line)).collect()
}

#[test]
fn every_line_of_every_command_obeys_the_schema() {
    let schema = Schema::load();
    let mut seen = BTreeSet::new();
    let mut files: Vec<_> = samples().unwrap();
    for folder in ["findings", "rules"] {
        let entries = std::fs::read_dir(dxgtrace_tests::samples().join(folder)).unwrap();
        files.extend(
            entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|end| end == "pcapng")),
        );
    }
    for file in &files {
        for command in [
            &["read", "-T", "jsonl"][..],
            &["check", "-T", "jsonl", "-s", "chat"],
            &["stat", "-T", "jsonl"],
            &["top", "-T", "jsonl"],
            &["diff", "-T", "jsonl", "--as-version", "27"],
        ] {
            if command[0] == "diff" && !text(file).contains("v40-basic") {
                continue;
            }
            seen.extend(lines(&schema, &[command, &[text(file)]].concat()));
        }
    }
    let sample = |name: &str| dxgtrace_tests::samples().join(name);
    let (basic, errors) = (sample("v40-basic.pcapng"), sample("v40-errors.pcapng"));
    let other: [&[&str]; 3] = [
        &["diff", "-T", "jsonl", text(&basic), text(&errors)],
        &["doctor", "-T", "jsonl"],
        &[
            "explain",
            "-T",
            "jsonl",
            "0xc0000022",
            "-75",
            "dxgkio_make_resident: Ioctl failed: -12",
            "size.reply_short",
            "make_resident",
            "0x40000080",
            "zzzzz",
        ],
    ];
    for arguments in other {
        seen.extend(lines(&schema, arguments));
    }
    let all: BTreeSet<String> = schema.root["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["$ref"].as_str().unwrap()["#/$defs/".len()..].to_owned())
        .collect();
    assert_eq!(seen, all, "records that no command has written");
}

#[test]
fn a_finding_has_its_parameters_by_name() {
    let parameters = |code: &str| {
        let path = dxgtrace_tests::samples().join(format!("findings/{code}.pcapng"));
        let output = run(&["check", "-T", "jsonl", "-s", "chat", text(&path)]).unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let mut records = shown
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let found = records.find(|record: &Value| record["code"] == code);
        found.unwrap()["parameters"].clone()
    };
    let failed = parameters("status.failed");
    assert!(failed["status"]["name"].is_string(), "{failed}");
    assert!(failed["errno"]["raw"].as_i64().unwrap() < 0, "{failed}");
    assert_eq!(
        parameters("size.trailing"),
        serde_json::json!({"trailing": "8"})
    );
    assert_eq!(
        parameters("packet.type"),
        serde_json::json!({"packet_type": 9})
    );
    let refused = serde_json::json!({"errno": {"raw": -11, "name": "EAGAIN"}, "attempts": 50, "length": "40"});
    assert_eq!(parameters("send.refused"), refused);
    assert_eq!(parameters("status.by_handle"), Value::Null);
}
