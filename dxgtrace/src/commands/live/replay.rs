//! `dxgtrace replay`: plays a capture in this process as a stand-in.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use crate::commands::live_arguments::ReplayArgs;
use crate::commands::{Exit, Failure};
use dxgtrace_file::{CaptureOrigin, FlushPolicy, Reader, WriteError, Writer};
use dxgtrace_protocol::packet::{Channel, Packet};
use dxgtrace_standin::{Pace, PlayOptions, Player, announce};

/// The built-in sample: the real driver, with a host that violates the protocol.
pub(super) const SAMPLE: &[u8] = include_bytes!("../../../demo.pcapng");

/// Plays the file.
pub fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    allow_tracing();
    match &args.file {
        None => play(&mut open(Cursor::new(SAMPLE))?, args),
        Some(path) if path == Path::new("-") => {
            if args.wait {
                return Err(Failure::Usage(
                    "--wait reads standard input itself: give a file".to_owned(),
                ));
            }
            play(&mut open(io::stdin().lock())?, args)
        }
        Some(path) => {
            let mut reader = dxgtrace_file::open(path)
                .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
            play(&mut reader, args)
        }
    }
}

/// Lets other processes of this user read `/proc/PID/exe` of this one, which the kernel
/// forbids for program files with capabilities: a capture without root needs it to find
/// the functions to hook.
fn allow_tracing() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // If this fails, the capture reports that it finds no stand-in.
    let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
}

fn open<R: Read>(input: R) -> Result<Reader<R>, Failure> {
    Reader::new(input).map_err(|error| Failure::Input(error.to_string()))
}

fn play<R: Read>(reader: &mut Reader<R>, args: &ReplayArgs) -> Result<Exit, Failure> {
    let mut log = match &args.played {
        Some(path) => Some(PlayedPackets::create(path)?),
        None => None,
    };
    if args.wait && !announce(io::stdout(), io::stdin().lock()).map_err(Failure::output)? {
        return Ok(Exit::Fine);
    }
    let mut player = Player::new(PlayOptions {
        pace: args.speed.map_or(Pace::Unpaced, Pace::Speed),
        noise: args.noise,
    });
    let mut channels: Vec<Channel> = Vec::new();
    let damage = loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        if channels.len() < record.channels.len() {
            channels = record.channels.to_vec();
        }
        if let Some(channel) = channels.get(record.packet.interface as usize) {
            let mut played = |packet: &Packet<'_>| {
                if let Some(log) = &mut log {
                    log.write(packet, &channels);
                }
            };
            player
                .play(&record.packet, channel, &mut played)
                .map_err(failed)?;
        }
    };
    let mut played = |packet: &Packet<'_>| {
        if let Some(log) = &mut log {
            log.write(packet, &channels);
        }
    };
    let summary = player.finish(&mut played).map_err(failed)?;
    if let Some(log) = log {
        log.finish()?;
    }
    // Standard error may be closed.
    let _ = writeln!(
        io::stderr(),
        "played {} messages sent, {} received, {} sends refused",
        summary.sent,
        summary.received,
        summary.refused
    );
    match damage {
        None => Ok(Exit::Fine),
        Some(error) => Err(Failure::Input(error.to_string())),
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::Input(format!("cannot play: {error}"))
}

/// Writes the packets that a capture of this process must contain.
struct PlayedPackets {
    writer: Writer<File>,
    failed: Option<WriteError>,
}

impl PlayedPackets {
    fn create(path: &Path) -> Result<Self, Failure> {
        let file = dxgtrace_file::create(path)
            .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
        let writer = Writer::new(
            file,
            &CaptureOrigin::default(),
            FlushPolicy::Collect(1 << 16),
        );
        Ok(Self {
            writer: writer.map_err(|error| Failure::output(error.into()))?,
            failed: None,
        })
    }

    fn write(&mut self, packet: &Packet<'_>, channels: &[Channel]) {
        if self.failed.is_none() {
            self.failed = self.writer.write(packet, channels, &[]).err();
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let result = match self.failed {
            Some(error) => Err(error),
            None => self.writer.finish().map(drop),
        };
        result.map_err(|error| Failure::output(error.into()))
    }
}
