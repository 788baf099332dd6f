//! `dxgtrace tui`, live: captures into a file, which the terminal UI reads.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::capture_options;
use super::demo::{spawn_stand_in, stand_in_failure};
use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::{DemoArgs, TuiArgs};
use crate::commands::tui::{run_ui, user_config};
use crate::commands::{Exit, Failure};
use dxgtrace_live::{CaptureOptions, CaptureTarget, Live, Right};
use dxgtrace_standin::StandIn;
use dxgtrace_tui::{
    CaptureSource, Config, LivePacket, PacketSource, Recorder, directory, prune, terminal,
};

/// Captures the driver, or a stand-in that runs already.
pub fn run(args: &TuiArgs, color: ColorArg) -> Result<Exit, Failure> {
    terminal::check().map_err(Failure::Usage)?;
    let (config, options) = (user_config(color)?, capture_options(&args.live)?);
    let filter = args.filter.as_deref();
    record_and_show(config, options, None, args.write.as_deref(), filter)
}

/// Plays a sample in a stand-in and captures it.
pub fn demo(args: &DemoArgs, color: ColorArg) -> Result<Exit, Failure> {
    terminal::check().map_err(Failure::Usage)?;
    let config = user_config(color)?;
    let mut paced = args.clone();
    // Without a pace, all packets would appear at once.
    paced.speed = args.speed.or(Some(1.0));
    let standin = spawn_stand_in(&paced)?;
    let options = CaptureOptions {
        target: CaptureTarget::StandIn(standin.pid()),
        ..CaptureOptions::default()
    };
    let write = args.write.as_deref();
    record_and_show(config, options, Some(standin), write, None)
}

fn record_and_show(
    config: Config,
    options: CaptureOptions,
    standin: Option<StandIn>,
    write: Option<&Path>,
    filter: Option<&str>,
) -> Result<Exit, Failure> {
    let (path, bound, greeting) = match write {
        Some(path) => (path.to_owned(), None, None),
        None => {
            let (path, removed) = temporary_file(config.spill)?;
            let greeting = match removed {
                0 => None,
                1 => Some("an old capture that nobody saved was removed".to_owned()),
                _ => Some(format!(
                    "{removed} old captures that nobody saved were removed"
                )),
            };
            (path, Some(config.spill), greeting)
        }
    };
    let target = path.clone();
    let recorder = Recorder::start(bound, move || {
        let live = super::start(&options)?;
        // Created last, so that a capture that cannot start overwrites no file.
        let file = dxgtrace_file::create(&target).map_err(|error| {
            Failure::Input(format!("{}: cannot create: {error}", target.display()))
        })?;
        let mut kept = live.rights();
        kept.push(Right::Files);
        super::give_up_rights(&kept)?;
        let mut source = LiveSource { live, standin };
        if let Some(standin) = &mut source.standin {
            standin.go().map_err(stand_in_failure)?;
        }
        Ok::<_, Failure>((source, file))
    })?;
    // This thread does not capture, but it saves files.
    super::give_up_rights(&[Right::Files])?;
    let source = CaptureSource::live(path, recorder.recording().clone(), write.is_none());
    run_ui(source, config, filter, greeting)
}

/// Returns the path of a new file in the user's cache directory, and the number of old
/// files that were removed to keep the directory within `bound` bytes.
fn temporary_file(bound: u64) -> Result<(PathBuf, usize), Failure> {
    let directory = directory("XDG_CACHE_HOME", ".cache")
        .unwrap_or_else(|| std::env::temp_dir().join("dxgtrace"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .map_err(|error| Failure::Input(format!("{}: {error}", directory.display())))?;
    let removed = prune(&directory, bound);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let name = format!("live-{seconds}-{}.pcapng", std::process::id());
    Ok((directory.join(name), removed))
}

/// A live capture, with the stand-in that it captures if this process has started one.
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
        self.live.describe_hooks()
    }

    fn lost(&self) -> u64 {
        self.live.lost().total()
    }
}
