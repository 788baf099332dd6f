//! The Wireshark profile: columns, colours and filter buttons for captures of
//! this program, as the files of a profile folder.

use std::fmt::Write;

use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_session::check::Severity;

/// The profile's name, as `wireshark -C` takes it.
pub const PROFILE: &str = "dxgtrace";

/// The columns: heading, and what Wireshark shows below it.
const COLUMNS: &[(&str, &str)] = &[
    ("No.", "%m"),
    ("Time", "%t"),
    ("Process", "%Cus:dxg.comm:0:R"),
    ("PID", "%Cus:dxg.pid:0:R"),
    ("Channel", "%Cus:frame.interface_name:0:R"),
    ("Took", "%Cus:dxg.time:0:R"),
    ("Finding", "%Cus:dxg.finding:0:R"),
    ("Info", "%i"),
];

/// The buttons beside the filter line: label, filter, and what it finds.
const BUTTONS: &[(&str, &str, &str)] = &[
    (
        "Failures",
        "dxg.status >= 0xc0000000",
        "Replies with a failure of the host",
    ),
    (
        "Findings",
        "dxg.finding || pkt_comment",
        "Packets that something is wrong with",
    ),
    (
        "Slow",
        "dxg.time > 0.01",
        "Replies that took more than 10 ms",
    ),
];

/// A colour as Wireshark writes it: 16 bits each of red, green and blue.
type Colour = [u16; 3];

/// Background and foreground of packets with a finding. [`Severity::Chat`] has none, since
/// it reports normal operation.
const fn colours(severity: Severity) -> Option<[Colour; 2]> {
    match severity {
        Severity::Error => Some([[42_148, 0, 0], [65_535, 65_535, 65_535]]),
        Severity::Warn => Some([[65_535, 55_000, 20_000], [0, 0, 0]]),
        Severity::Note => Some([[56_000, 63_000, 65_535], [0, 0, 0]]),
        Severity::Chat => None,
    }
}

/// Background and foreground of records of lost packets.
const GAP: [Colour; 2] = [[0, 0, 0], [65_535, 55_000, 20_000]];

/// Name and content of each file in the folder of the profile.
pub fn profile() -> [(&'static str, String); 3] {
    [
        ("preferences", preferences()),
        ("colorfilters", colour_filters()),
        ("dfilter_buttons", buttons()),
    ]
}

fn preferences() -> String {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(heading, shown)| format!("\t\"{heading}\", \"{shown}\""))
        .collect();
    format!("gui.column.format:\n{}\n", columns.join(",\n"))
}

/// The colour rules. The first rule whose filter matches a packet is used.
fn colour_filters() -> String {
    let mut text = String::new();
    let mut line = |name: &str, filter: &str, [back, front]: [Colour; 2]| {
        let of = |[red, green, blue]: Colour| format!("[{red},{green},{blue}]");
        // Writing into a string does not fail.
        let _ = writeln!(text, "@{name}@{filter}@{}{}", of(back), of(front));
    };
    let lost = RecordKind::Lost as u8;
    line("packets are missing", &format!("dxg.kind == {lost}"), GAP);
    for severity in Severity::ALL.iter().rev().copied() {
        let Some(colours) = colours(severity) else {
            continue;
        };
        let word = severity.name();
        // Findings of the dissector, and findings in comments of the capture.
        let filter = format!(
            "_ws.expert.severity == \"{}\" || frame.comment matches \"^{word} \"",
            wireshark(severity)
        );
        line(word, &filter, colours);
    }
    text
}

/// Wireshark's name for a severity.
const fn wireshark(severity: Severity) -> &'static str {
    match severity {
        Severity::Chat => "Chat",
        Severity::Note => "Note",
        Severity::Warn => "Warning",
        Severity::Error => "Error",
    }
}

fn buttons() -> String {
    let lines = BUTTONS
        .iter()
        .map(|(label, filter, what)| format!("\"TRUE\",\"{label}\",\"{filter}\",\"{what}\"\n"));
    lines.collect()
}
