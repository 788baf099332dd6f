//! For every known-issue rule on packets: a small capture that matches it, and a
//! similar one that does not.

use std::path::Path;

use anyhow::{Context, Result};
use dxgtrace_protocol::record::header::{IoctlEnd, KnownFields, RecordKind};
use dxgtrace_protocol::table::errno::{EAGAIN, negative};
use dxgtrace_protocol::table::ioctls::IOCTLS;

use crate::conversation::DRIVER;
use crate::story::{MS, Source, Story};
use crate::synthetic::Owned;

const INVALID_PARAMETER: u32 = 0xC000_000D;
const NAME_NOT_FOUND: u32 = 0xC000_0034;
const NO_MEMORY: u32 = 0xC000_0017;
const PENDING: u32 = 0x103;
const NOT_SUPPORTED: u32 = 0xC000_00BB;
const DEVICE_REMOVED: u32 = 0xC000_02B6;

/// A rule's name, a capture that matches it, and a similar one that does not.
type Pair = (&'static str, Story, Story);

/// The samples: file name and content.
pub fn all(samples: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for (rule, hit, miss) in pairs(&Source::open(samples)?)? {
        files.push((format!("{rule}.pcapng"), hit.file()?));
        files.push((format!("{rule}.near.pcapng"), miss.file()?));
    }
    Ok(files)
}

fn pairs(source: &Source) -> Result<Vec<Pair>> {
    let get = |name, nth| source.exchange(name, nth);
    let start = || source.story();
    let opened = || Ok::<_, anyhow::Error>(start().then(get("create_process", 0)?));
    let with_device = || Ok::<_, anyhow::Error>(opened()?.then(get("create_device", 0)?));
    let closed = |story: Story| Ok::<_, anyhow::Error>(story.then(get("destroy_process", 0)?));

    let mut pairs: Vec<Pair> = Vec::new();
    let query = || get("query_adapter_info", 0);
    let failing = || {
        Ok::<_, anyhow::Error>(
            opened()?
                .then(query()?.status(INVALID_PARAMETER)?)
                .then(get("query_adapter_info", 1)?.status(NAME_NOT_FOUND)?)
                .then(query()?.status(INVALID_PARAMETER)?),
        )
    };
    let used = |story: Story| {
        Ok::<_, anyhow::Error>(
            story
                .then(get("create_device", 0)?)
                .then(get("destroy_device", 1)?),
        )
    };
    pairs.push((
        "adapter-queries-harmless",
        closed(used(failing()?)?)?,
        closed(used(opened()?.then(query()?))?)?,
    ));
    pairs.push((
        "adapter-queries-no-device",
        closed(failing()?)?,
        closed(used(failing()?)?)?,
    ));

    let refused = || Ok::<_, anyhow::Error>(get("create_process", 0)?.short(0));
    pairs.push((
        "create-process-overflow",
        start().then(refused()?).wait(500 * MS).then(refused()?),
        start()
            .then(refused()?)
            .wait(500 * MS)
            .then(get("create_process", 0)?),
    ));

    let allocation = || get("create_allocation", 0);
    pairs.push((
        "create-allocation-overflow",
        with_device()?.then(allocation()?.short(8)),
        with_device()?.then(allocation()?),
    ));

    let escape = || get("escape", 1);
    pairs.push((
        "escape-too-small",
        with_device()?
            .then(escape()?.short(0))
            .then(escape()?.short(0)),
        with_device()?.then(escape()?.short(0)).then(escape()?),
    ));
    pairs.push((
        "escape-sometimes-too-short",
        with_device()?
            .then(escape()?)
            .then(escape()?.short(0))
            .then(escape()?),
        with_device()?
            .then(escape()?)
            .then(escape()?.short(0))
            .then(escape()?.short(0)),
    ));

    let gone = || Ok::<_, anyhow::Error>(with_device()?.then(get("destroy_device", 1)?));
    pairs.push((
        "handle-used-after-free",
        gone()?.then(get("get_device_state", 0)?),
        with_device()?
            .then(get("get_device_state", 0)?)
            .then(get("destroy_device", 1)?),
    ));

    let hung = |wait| {
        let (story, _) = with_device()?.asked(&get("get_device_state", 0)?);
        let mut later = query()?;
        // Another thread sends, since the first one still waits.
        later.request.header.tid += 1;
        later.reply.header.tid += 1;
        Ok::<_, anyhow::Error>(story.wait(wait).then(later))
    };
    pairs.push(("host-silent", hung(11_000 * MS)?, hung(3_000 * MS)?));

    let late = |same_thread: bool| {
        let waiting = get("get_device_state", 0)?;
        let (story, id) = with_device()?.asked(&waiting);
        let mut other = query()?;
        other.request.header.tid = waiting.request.header.tid + u32::from(!same_thread);
        Ok::<_, anyhow::Error>(story.then(other).packet(waiting.reply, id))
    };
    pairs.push(("killed-while-waiting", late(true)?, late(false)?));

    pairs.push((
        "library-gave-up",
        closed(opened()?.then(query()?))?,
        closed(used(opened()?.then(query()?))?)?,
    ));

    let resident = |status| get("make_resident", 0)?.status(status);
    pairs.push((
        "make-resident-no-memory",
        with_device()?.then(resident(NO_MEMORY)?),
        with_device()?.then(resident(PENDING)?),
    ));

    let mut unopened = start();
    unopened.packets.truncate(4);
    if let Some(reply) = unopened.packets.last_mut() {
        // The status follows the adapter's handle.
        reply.payload[..4].copy_from_slice(&0u32.to_le_bytes());
        reply.payload[4..8].copy_from_slice(&NOT_SUPPORTED.to_le_bytes());
    }
    pairs.push(("no-adapter", unopened, start()));

    let removed = |status| get("get_device_state", 0)?.status(status);
    pairs.push((
        "device-removed",
        with_device()?.then(removed(DEVICE_REMOVED)?),
        with_device()?.then(removed(INVALID_PARAMETER)?),
    ));

    let full = |kind| {
        let (mut story, _) = with_device()?.asked(&get("get_device_state", 0)?);
        let reply = get("get_device_state", 0)?.reply;
        let id = story
            .packets
            .last()
            .map_or(0, |packet| packet.header.transaction);
        if let Some(packet) = story.packets.last_mut() {
            packet.header.kind = kind;
            packet.header.refused_attempts = 3;
            if kind == RecordKind::Refused {
                packet.header.return_value = EAGAIN;
                return Ok::<_, anyhow::Error>(story);
            }
        }
        Ok(story.packet(reply, id))
    };
    pairs.push((
        "ring-full",
        full(RecordKind::Refused)?,
        full(RecordKind::Packet)?,
    ));

    let odd = |count: usize| {
        let mut story = with_device()?;
        let mut packet = get("get_device_state", 0)?.reply;
        packet.header.packet_type = 8;
        for _ in 0..count {
            story = story.packet(packet.clone(), 0);
        }
        Ok::<_, anyhow::Error>(story)
    };
    pairs.push(("wrong-kernel-for-driver", odd(3)?, odd(2)?));
    pairs.extend(memory(source)?);
    pairs.extend(contexts(source)?);
    pairs.extend(ioctls(source)?);
    Ok(pairs)
}

/// A process with a device.
fn with_device(source: &Source) -> Result<Story> {
    let story = source.story().then(source.exchange("create_process", 0)?);
    Ok(story.then(source.exchange("create_device", 0)?))
}

/// Rules about memory and addresses.
fn memory(source: &Source) -> Result<Vec<Pair>> {
    let get = |name, nth| source.exchange(name, nth);
    let begun = || with_device(source);
    let mut pairs: Vec<Pair> = Vec::new();

    let reserved = || get("reserve_gpu_virtual_address", 0);
    pairs.push((
        "reserve-gpu-va-too-short",
        begun()?.then(reserved()?.short(4)),
        begun()?.then(reserved()?),
    ));

    let allocation = || get("create_allocation", 0);
    // The status alone, where a whole reply is expected.
    let refused = |status: u32| {
        let mut refused = allocation()?.short(4);
        refused.reply.payload.copy_from_slice(&status.to_le_bytes());
        Ok::<_, anyhow::Error>(refused)
    };
    pairs.push((
        "windows-commit-limit",
        begun()?.then(refused(NO_MEMORY)?),
        begun()?.then(refused(INVALID_PARAMETER)?),
    ));
    pairs.push((
        "allocation-recovered",
        begun()?
            .then(refused(NO_MEMORY)?)
            .wait(500 * MS)
            .then(allocation()?),
        begun()?
            .then(allocation()?)
            .wait(500 * MS)
            .then(refused(NO_MEMORY)?),
    ));
    let destroyed = || get("destroy_allocation", 0);
    pairs.push((
        "destroy-allocation-refused",
        begun()?
            .then(allocation()?)
            .then(destroyed()?.status(INVALID_PARAMETER)?),
        begun()?.then(allocation()?).then(destroyed()?),
    ));

    let resident = |wait| {
        let exchange = get("make_resident", 0)?;
        let (story, id) = begun()?.then(allocation()?).asked(&exchange);
        Ok::<_, anyhow::Error>(story.wait(wait).packet(exchange.reply, id))
    };
    pairs.push((
        "make-resident-slow",
        resident(5_000 * MS)?,
        resident(5 * MS)?,
    ));

    let pinned = |answered: bool| {
        let exchange = get("set_existing_sysmem_pages", 0)?;
        let (mut story, id) = begun()?.then(allocation()?).asked(&exchange);
        if answered {
            story = story.packet(exchange.reply, id);
        }
        let mut later = get("query_adapter_info", 0)?;
        later.request.header.tid += 1;
        later.reply.header.tid += 1;
        Ok::<_, anyhow::Error>(story.wait(11_000 * MS).then(later))
    };
    pairs.push(("pinning-not-answered", pinned(false)?, pinned(true)?));
    Ok(pairs)
}

/// Rules about contexts.
fn contexts(source: &Source) -> Result<Vec<Pair>> {
    let get = |name, nth| source.exchange(name, nth);
    let begun = || with_device(source);
    let context = || get("create_context_virtual", 0);
    let submitted = || get("submit_command", 0);
    let refused = || get("create_context_virtual", 1)?.no_handle("context");
    Ok(vec![
        (
            "context-refused-midrun",
            begun()?
                .then(context()?)
                .then(submitted()?)
                .then(refused()?),
            begun()?
                .then(context()?)
                .then(submitted()?)
                .then(get("create_context_virtual", 1)?),
        ),
        (
            "context-refused-at-start",
            begun()?.then(refused()?),
            begun()?.then(refused()?).then(context()?),
        ),
    ])
}

/// Rules about ioctls that fail without a message.
fn ioctls(source: &Source) -> Result<Vec<Pair>> {
    let ended = |function: &str, name: &str| {
        let story = with_device(source)?;
        let mut header = story.packets.last().context("no packets")?.header;
        let ioctl = IOCTLS.iter().find(|ioctl| ioctl.function == function);
        header.kind = RecordKind::Ioctl;
        header.known = KnownFields(
            KnownFields::TASK
                | KnownFields::IOCTL
                | KnownFields::IOCTL_RESULT
                | KnownFields::RETURN_VALUE,
        );
        header.ioctl = ioctl.context("no such ioctl")?.request();
        header.ioctl_result = negative(name);
        let end = IoctlEnd {
            duration: 20_000,
            messages: 0,
        };
        let record = Owned {
            time: 0,
            channel: DRIVER,
            header,
            payload: end.encode().to_vec(),
        };
        Ok::<_, anyhow::Error>(story.packet(record, 0))
    };
    Ok(vec![
        (
            "adapter-luid-unknown",
            ended("D3DKMTOpenAdapterFromLuid", "EINVAL")?,
            ended("D3DKMTEnumAdapters3", "EINVAL")?,
        ),
        (
            "opened-by-another-process",
            ended("D3DKMTEnumAdapters2", "ENOTTY")?,
            ended("D3DKMTEnumAdapters2", "EINVAL")?,
        ),
        (
            "adapter-taken-away",
            ended("D3DKMTDestroyContext", "ENODEV")?,
            ended("D3DKMTDestroyContext", "EINVAL")?,
        ),
    ])
}
