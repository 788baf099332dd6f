//! What Wireshark asks a program in its extcap folder: which interfaces there
//! are, what can be set, and to capture into a pipe. Each capture is one of
//! `dxgtrace capture`, with its options.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

use clap::builder::ValueParser;
use clap::{Arg, Args, Command};

use super::capture;
use crate::commands::arguments::{ColorArg, parse};
use crate::commands::live_arguments::CaptureArgs;
use crate::commands::{Exit, Failure, output};
use dxgtrace_file::link_type;
use dxgtrace_query::capture_filter::CaptureFilter;

/// What can be captured.
struct ExtcapInterface {
    name: &'static str,
    display: &'static str,
    /// Options of `capture` that Wireshark shows.
    options: &'static [&'static str],
}

const DRIVER: ExtcapInterface = ExtcapInterface {
    name: "dxgtrace",
    display: "GPU paravirtualization: dxgkrnl and its host",
    options: &["pid", "comm", "snaplen", "buffer", "backend"],
};

const STAND_IN: ExtcapInterface = ExtcapInterface {
    name: "dxgtrace-stand-in",
    display: "GPU paravirtualization: a stand-in (dxgtrace replay)",
    options: &["stand-in", "pid", "comm", "snaplen", "buffer"],
};

const INTERFACES: &[ExtcapInterface] = &[DRIVER, STAND_IN];

/// Whether this command line is Wireshark's.
pub fn is_asked(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|first| {
        let first = first.to_string_lossy();
        first.starts_with("--extcap-") || first == "--capture"
    })
}

/// Answers, or captures.
///
/// # Errors
/// Of a capture those of `dxgtrace capture`; the question makes no sense.
pub fn run(arguments: Vec<OsString>) -> Result<Exit, Failure> {
    let question = ExtcapCall::new(arguments);
    let filter = question.value("--extcap-capture-filter");
    let mut text = String::new();
    if question.has("--extcap-interfaces") {
        interfaces(&mut text);
        return output::all(text.as_bytes());
    }
    let name = question.value("--extcap-interface").unwrap_or_default();
    let interface = INTERFACES
        .iter()
        .find(|interface| interface.name == name)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no interface `{}`",
                name.to_string_lossy()
            ))
        })?;
    if question.has("--capture") {
        return capture_into_fifo(interface, &question, filter);
    }
    if question.has("--extcap-dlts") {
        text = format!(
            "dlt {{number={}}}{{name=UPPER_PDU}}{{display=VMBus messages of dxgkrnl}}\n",
            link_type()
        );
    } else if question.has("--extcap-config") {
        options(&mut text, interface);
    } else if let Some(filter) = filter
        && let Err(error) = CaptureFilter::parse(&filter.to_string_lossy())
    {
        // Wireshark takes any answer for a complaint, and an exit code for none.
        text = error.to_string();
    }
    output::all(text.as_bytes())
}

/// The options of the call, those of `dxgtrace capture` apart.
struct ExtcapCall {
    asked: Vec<(OsString, Option<OsString>)>,
    options: Vec<OsString>,
}

impl ExtcapCall {
    fn new(arguments: Vec<OsString>) -> Self {
        let mut question = Self {
            asked: Vec::new(),
            options: Vec::new(),
        };
        let mut arguments = arguments.into_iter().skip(1);
        while let Some(argument) = arguments.next() {
            let text = argument.to_string_lossy();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
                None => (text.into_owned(), None),
            };
            match name.as_str() {
                "--extcap-interfaces" | "--extcap-dlts" | "--extcap-config" | "--capture" => {
                    question.asked.push((name.into(), None));
                }
                "--fifo" => {
                    let value = value.or_else(|| arguments.next());
                    question.asked.push((name.into(), value));
                }
                _ if name.starts_with("--extcap-") => {
                    let value = value.or_else(|| arguments.next());
                    question.asked.push((name.into(), value));
                }
                _ => question.options.push(argument),
            }
        }
        question
    }

    fn has(&self, name: &str) -> bool {
        self.asked.iter().any(|(asked, _)| asked == name)
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.asked.iter().find(|(asked, _)| asked == name);
        found.and_then(|(_, value)| value.as_deref())
    }
}

fn interfaces(text: &mut String) {
    // Writing into a string does not fail.
    let _ = writeln!(
        text,
        "extcap {{version={}}}{{help={}}}{{display=dxgtrace}}",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY"),
    );
    for ExtcapInterface { name, display, .. } in INTERFACES {
        let _ = writeln!(text, "interface {{value={name}}}{{display={display}}}");
    }
}

/// What can be set, as the command line describes it.
fn options(text: &mut String, interface: &ExtcapInterface) {
    let mut capture = CaptureArgs::augment_args(Command::new("capture"));
    capture.build();
    let known = |name: &&&str| {
        let mut all = capture.get_arguments();
        all.find(|argument| argument.get_long() == Some(name))
    };
    for (number, argument) in interface
        .options
        .iter()
        .filter_map(|name| known(&name))
        .enumerate()
    {
        option(text, number, argument);
    }
}

fn option(text: &mut String, number: usize, argument: &Arg) {
    let name = argument.get_long().unwrap_or_default();
    let help = argument.get_help().map(ToString::to_string);
    let values = argument.get_possible_values();
    let kind = match values.is_empty() {
        false => "selector",
        true if is_number(argument.get_value_parser()) => "unsigned",
        true => "string",
    };
    let _ = writeln!(
        text,
        "arg {{number={number}}}{{call=--{name}}}{{display={name}}}{{tooltip={}}}\
         {{type={kind}}}{{required=false}}",
        help.unwrap_or_default()
    );
    if !values.is_empty() {
        let _ = writeln!(
            text,
            "value {{arg={number}}}{{value=}}{{display=}}{{default=true}}"
        );
    }
    for value in values {
        let name = value.get_name();
        let _ = writeln!(
            text,
            "value {{arg={number}}}{{value={name}}}{{display={name}}}{{default=false}}"
        );
    }
}

fn is_number(parser: &ValueParser) -> bool {
    parser.type_id() == std::any::TypeId::of::<u32>()
}

/// Captures into Wireshark's pipe.
fn capture_into_fifo(
    interface: &ExtcapInterface,
    question: &ExtcapCall,
    filter: Option<&OsStr>,
) -> Result<Exit, Failure> {
    let fifo = question
        .value("--fifo")
        .ok_or_else(|| Failure::Usage("--capture needs --fifo".to_owned()))?;
    let words = words(interface, fifo, &question.options, filter)?;
    capture::run(&parse("capture", words)?, ColorArg::Auto)
}

/// The arguments of `dxgtrace capture` that do what Wireshark asks for.
fn words(
    interface: &ExtcapInterface,
    fifo: &OsStr,
    options: &[OsString],
    filter: Option<&OsStr>,
) -> Result<Vec<OsString>, Failure> {
    // Wireshark shows what is said on standard error as an error.
    let mut words = vec!["-Q".into(), "-w".into(), fifo.to_owned()];
    let stand_in = options.iter().any(|option| option == "--stand-in");
    if interface.name == STAND_IN.name && !stand_in {
        // Whatever plays: `dxgtrace replay` is this program.
        let program = std::env::current_exe()
            .map_err(|error| Failure::Input(format!("this program cannot be found: {error}")))?;
        words.extend(["--stand-in".into(), program.into()]);
    }
    words.extend(options.iter().cloned());
    if let Some(filter) = filter.filter(|filter| !filter.is_empty()) {
        words.extend(["-f".into(), filter.to_owned()]);
    }
    Ok(words)
}
