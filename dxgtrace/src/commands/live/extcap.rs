//! Implements Wireshark's extcap interface: lists interfaces and their options, and
//! captures into a pipe as `dxgtrace capture` does.

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

/// An interface in Wireshark's list.
struct ExtcapInterface {
    name: &'static str,
    display: &'static str,
    /// Options of `dxgtrace capture` that Wireshark shows.
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

/// Whether the command line is an extcap call of Wireshark.
pub fn is_extcap_call(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|first| {
        let first = first.to_string_lossy();
        first.starts_with("--extcap-") || first == "--capture"
    })
}

/// Answers the call, or captures.
///
/// # Errors
/// The call is invalid, or the capture fails.
pub fn run(arguments: Vec<OsString>) -> Result<Exit, Failure> {
    let call = ExtcapCall::new(arguments);
    let filter = call.value("--extcap-capture-filter");
    let mut text = String::new();
    if call.has("--extcap-interfaces") {
        write_interfaces(&mut text);
        return output::write_all(text.as_bytes());
    }
    let name = call.value("--extcap-interface").unwrap_or_default();
    let interface = INTERFACES
        .iter()
        .find(|interface| interface.name == name)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no interface `{}`",
                name.to_string_lossy()
            ))
        })?;
    if call.has("--capture") {
        return capture_into_fifo(interface, &call, filter);
    }
    if call.has("--extcap-dlts") {
        text = format!(
            "dlt {{number={}}}{{name=UPPER_PDU}}{{display=VMBus messages of dxgkrnl}}\n",
            link_type()
        );
    } else if call.has("--extcap-config") {
        write_options(&mut text, interface);
    } else if let Some(filter) = filter
        && let Err(error) = CaptureFilter::parse(&filter.to_string_lossy())
    {
        // Wireshark takes any output as an error message, and ignores exit codes.
        text = error.to_string();
    }
    output::write_all(text.as_bytes())
}

/// The options of an extcap call, and those of `dxgtrace capture`.
struct ExtcapCall {
    extcap_options: Vec<(OsString, Option<OsString>)>,
    capture_options: Vec<OsString>,
}

impl ExtcapCall {
    fn new(arguments: Vec<OsString>) -> Self {
        let mut call = Self {
            extcap_options: Vec::new(),
            capture_options: Vec::new(),
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
                    call.extcap_options.push((name.into(), None));
                }
                "--fifo" => {
                    let value = value.or_else(|| arguments.next());
                    call.extcap_options.push((name.into(), value));
                }
                _ if name.starts_with("--extcap-") => {
                    let value = value.or_else(|| arguments.next());
                    call.extcap_options.push((name.into(), value));
                }
                _ => call.capture_options.push(argument),
            }
        }
        call
    }

    fn has(&self, name: &str) -> bool {
        self.extcap_options.iter().any(|(option, _)| option == name)
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self
            .extcap_options
            .iter()
            .find(|(option, _)| option == name);
        found.and_then(|(_, value)| value.as_deref())
    }
}

fn write_interfaces(text: &mut String) {
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

/// Writes the options of an interface, as `dxgtrace capture` defines them.
fn write_options(text: &mut String, interface: &ExtcapInterface) {
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
        write_option(text, number, argument);
    }
}

fn write_option(text: &mut String, number: usize, argument: &Arg) {
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

/// Captures into the pipe that Wireshark has created.
fn capture_into_fifo(
    interface: &ExtcapInterface,
    call: &ExtcapCall,
    filter: Option<&OsStr>,
) -> Result<Exit, Failure> {
    let fifo = call
        .value("--fifo")
        .ok_or_else(|| Failure::Usage("--capture needs --fifo".to_owned()))?;
    let words = capture_arguments(interface, fifo, &call.capture_options, filter)?;
    capture::run(&parse("capture", words)?, ColorArg::Auto)
}

/// The arguments of `dxgtrace capture` that do what Wireshark asks for.
fn capture_arguments(
    interface: &ExtcapInterface,
    fifo: &OsStr,
    options: &[OsString],
    filter: Option<&OsStr>,
) -> Result<Vec<OsString>, Failure> {
    // Wireshark shows every line on standard error as an error.
    let mut words = vec!["-Q".into(), "-w".into(), fifo.to_owned()];
    let stand_in = options.iter().any(|option| option == "--stand-in");
    if interface.name == STAND_IN.name && !stand_in {
        // Every `dxgtrace replay` runs this program.
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
