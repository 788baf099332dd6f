//! The terminal UI, live: a capture into a file that the screen reads.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::demo::{standin_failed, start};
use super::options;
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::{DemoArgs, TuiArgs};
use crate::commands::tui::{config, show};
use crate::commands::{Exit, Failure};
use dxgtrace_live::{CaptureOptions, CaptureTarget, Live, Right};
use dxgtrace_standin::StandIn;
use dxgtrace_tui::{
    CaptureSource, Config, LivePacket, PacketSource, Recorder, directory, prune, terminal,
};

/// Captures the driver, or a stand-in that is already there.
pub fn run(args: &TuiArgs, color: ColorArg) -> Result<Exit, Failure> {
    terminal::check().map_err(Failure::Usage)?;
    let (config, options) = (config(color)?, options(&args.live)?);
    let filter = args.filter.as_deref();
    record(config, options, None, args.write.as_deref(), filter)
}

/// Plays a sample through the stand-in and shows what is captured of it.
pub fn demo(args: &DemoArgs, color: ColorArg) -> Result<Exit, Failure> {
    terminal::check().map_err(Failure::Usage)?;
    let config = config(color)?;
    let mut paced = args.clone();
    // Otherwise all would be there at once, and nothing to be seen live.
    paced.speed = args.speed.or(Some(1.0));
    let standin = start(&paced)?;
    let options = CaptureOptions {
        target: CaptureTarget::StandIn(standin.pid()),
        ..CaptureOptions::default()
    };
    let write = args.write.as_deref();
    record(config, options, Some(standin), write, None)
}

fn record(
    config: Config,
    options: CaptureOptions,
    standin: Option<StandIn>,
    write: Option<&Path>,
    filter: Option<&str>,
) -> Result<Exit, Failure> {
    let (path, bound, greeting) = match write {
        Some(path) => (path.to_owned(), None, None),
        None => {
            let (path, gone) = temporary(config.spill)?;
            let greeting = match gone {
                0 => None,
                1 => Some("an old capture that nobody saved was removed".to_owned()),
                _ => Some(format!(
                    "{gone} old captures that nobody saved were removed"
                )),
            };
            (path, Some(config.spill), greeting)
        }
    };
    let target = path.clone();
    let recorder = Recorder::start(bound, move || {
        let live = super::start(&options)?;
        // Only now, so that a capture that cannot start destroys nothing.
        let file = dxgtrace_file::create(&target).map_err(|error| {
            Failure::Input(format!("{}: cannot create: {error}", target.display()))
        })?;
        let mut kept = live.rights();
        kept.push(Right::Files);
        super::give_up_rights(&kept)?;
        let mut source = LiveSource { live, standin };
        if let Some(standin) = &mut source.standin {
            standin.go().map_err(standin_failed)?;
        }
        Ok::<_, Failure>((source, file))
    })?;
    // This thread has no part in capturing, but it may save a file.
    super::give_up_rights(&[Right::Files])?;
    let source = CaptureSource::live(path, recorder.recording().clone(), write.is_none());
    show(source, config, filter, greeting)
}

/// A new file in the cache directory, which only its owner may enter. Says how
/// many old ones had to go, so that all together take no more than `bound`.
fn temporary(bound: u64) -> Result<(PathBuf, usize), Failure> {
    let directory = directory("XDG_CACHE_HOME", ".cache")
        .unwrap_or_else(|| std::env::temp_dir().join("dxgtrace"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| Failure::Input(format!("{}: {error}", directory.display())))?;
    let gone = prune(&directory, bound);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let name = format!("live-{seconds}-{}.pcapng", std::process::id());
    Ok((directory.join(name), gone))
}

/// A live capture, perhaps of a stand-in of our own.
struct LiveSource {
    live: Live,
    standin: Option<StandIn>,
}

impl PacketSource for LiveSource {
    fn next(&mut self, timeout: Duration) -> io::Result<Option<LivePacket<'_>>> {
        let delivery = self.live.next(timeout)?;
        Ok(delivery.map(|delivery| (delivery.packet, delivery.channels)))
    }

    fn stop(&mut self) {
        self.live.stop();
    }

    fn is_over(&mut self) -> bool {
        self.standin
            .as_mut()
            .is_some_and(|standin| standin.has_ended().unwrap_or(true))
    }

    fn backend(&self) -> String {
        self.live.how()
    }

    fn lost(&self) -> u64 {
        self.live.lost().total()
    }
}
