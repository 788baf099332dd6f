//! Lists the channels to capture, and resolves the capture filter.

use std::io::Write;
use std::path::Path;

use crate::commands::arguments::ColorArg;
use crate::commands::live_arguments::CaptureArgs;
use crate::commands::output::stdout_stream;
use crate::commands::{Exit, Failure};
use dxgtrace_doctor::{SystemFiles, VmbusOffer, channels};
use dxgtrace_protocol::table::guid;
use dxgtrace_query::capture_filter::CaptureFilter;
use dxgtrace_query::channels::ChannelSelector;

/// Prints the channels that the host offers, with the numbers that `-i` takes.
///
/// # Errors
/// The host offers none.
pub fn list_offered(color: ColorArg) -> Result<Exit, Failure> {
    let offered = offered_channels();
    if offered.is_empty() {
        return Err(Failure::Attach(
            "the host offers no channel of dxgkrnl to this machine; `dxgtrace doctor` says why"
                .to_owned(),
        ));
    }
    let mut out = stdout_stream(color);
    for (index, (instance, channel)) in offered.iter().enumerate() {
        let (high, low) = guid::luid(instance);
        let (number, guid) = (index + 1, guid::text(instance));
        let line = match channel.is_vgpu {
            true => writeln!(out, "{number}. {high:08x}-{low:08x} (virtual GPU {guid})"),
            false => writeln!(out, "{number}. global ({guid})"),
        };
        line.map_err(Failure::output)?;
    }
    out.flush().map_err(Failure::output)?;
    Ok(Exit::Fine)
}

/// The offered channels in the order of their numbers: the global one first, then the
/// virtual GPUs by LUID, as a capture names them.
fn offered_channels() -> Vec<([u8; 16], VmbusOffer)> {
    let mut offered: Vec<_> = channels(&SystemFiles::new(Path::new("/")))
        .into_iter()
        .collect();
    offered.sort_by_key(|(instance, channel)| (channel.is_vgpu, guid::luid(instance)));
    offered
}

/// Moves the terms of the capture filter into the arguments of the same meaning, and
/// replaces the numbers of channels by their instance GUIDs.
///
/// # Errors
/// The filter is invalid or repeats another argument, or there is no channel of a
/// number.
pub fn resolve(args: &CaptureArgs) -> Result<CaptureArgs, Failure> {
    let mut args = args.clone();
    let words = args.words.join(" ");
    let text = args.choice.as_deref().unwrap_or(&words);
    let filter = CaptureFilter::parse(text).map_err(|error| Failure::Input(error.to_string()))?;
    if filter.comm.is_some() && args.live.comm.is_some() {
        return Err(Failure::Usage(
            "say --comm or comm in the capture filter, not both".to_owned(),
        ));
    }
    if !filter.pids.is_empty() && !args.live.pids.is_empty() {
        return Err(Failure::Usage(
            "say --pid or pid in the capture filter, not both".to_owned(),
        ));
    }
    if !filter.channels.is_empty() && !args.show.channels.is_empty() {
        return Err(Failure::Usage(
            "say -i or channel in the capture filter, not both".to_owned(),
        ));
    }
    args.live.pids.extend(filter.pids);
    args.live.comm = args.live.comm.or(filter.comm);
    args.show.channels.extend(filter.channels);
    for selector in &mut args.show.channels {
        if let ChannelSelector::Index(number) = *selector {
            let index = number.checked_sub(1);
            let offered = index.and_then(|index| offered_channels().get(index).copied());
            let (instance, _) = offered.ok_or_else(|| {
                Failure::Usage(format!("there is no channel {number}: see dxgtrace -D"))
            })?;
            *selector = ChannelSelector::Instance(instance);
        }
    }
    Ok(args)
}
