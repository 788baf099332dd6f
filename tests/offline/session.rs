//! The session: objects and their lifetimes, whatever order and losses.
#![allow(clippy::unwrap_used, reason = "a test")]

use dxgtrace_protocol::schema::ObjectKind;
use dxgtrace_session::check::Severity;
use dxgtrace_session::{HandleHistory, NodePlace, ObjectEnd, Session};
use dxgtrace_tests::conversation::{Conversation, VGPU0, VGPU1};
use dxgtrace_tests::synthetic::{Owned, load, numbered, see_all};
use dxgtrace_tests::{findings, samples};
use proptest::prelude::*;

/// The tree as text, without what depends on the order of arrival.
fn tree(session: &Session) -> Vec<String> {
    session
        .objects()
        .iter()
        .map(|node| {
            let indent = "  ".repeat(usize::from(node.depth));
            match node.place {
                NodePlace::Adapter(Some((_, adapter))) => {
                    format!("{indent}gpu {:?}", adapter.luids)
                }
                NodePlace::Adapter(None) => format!("{indent}no gpu"),
                NodePlace::Object(_, object) => format!(
                    "{indent}{} {:#x} #{} {} {} {}",
                    object.kind.map_or("?", ObjectKind::name),
                    object.handle,
                    object.generation,
                    object.created.packet,
                    object.bytes,
                    object.resident,
                ),
            }
        })
        .collect()
}

fn sample(name: &str) -> Vec<Owned> {
    load(&samples().join(format!("{name}.pcapng"))).unwrap().1
}

fn started() -> Conversation {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    talk.create_process(findings::PROCESS, 100).unwrap();
    talk.create_device(findings::DEVICE).unwrap();
    talk
}

#[test]
fn the_tree_shows_what_exists_and_who_owns_it() {
    let packets = sample("v40-leak");
    let (session, _) = see_all(numbered(&packets[..32]));
    let kinds: Vec<(u16, Option<ObjectKind>)> = session
        .objects()
        .iter()
        .map(|node| match node.place {
            NodePlace::Adapter(_) => (node.depth, None),
            NodePlace::Object(_, object) => (node.depth, object.kind),
        })
        .collect();
    use ObjectKind::*;
    let wanted = [
        (0, Some(Process)),
        (1, None),
        (2, Some(Device)),
        (3, Some(Context)),
        (3, Some(Context)),
        (3, Some(PagingQueue)),
        (4, Some(SyncObject)),
        (3, Some(Allocation)),
        (3, Some(Allocation)),
        (3, Some(Allocation)),
        (3, Some(Allocation)),
        (3, Some(Resource)),
        (4, Some(Allocation)),
        (3, Some(SyncObject)),
        (2, Some(Device)),
        (2, Some(SyncObject)),
        (2, Some(SyncObject)),
        (3, Some(GuestEvent)),
        (0, Some(Adapter)),
    ];
    assert_eq!(kinds, wanted);
    let process = session.objects()[0].name.copied().unwrap();
    assert_eq!((process.pid, &process.comm[..5]), (136, &b"dxgex"[..]));
}

#[test]
fn after_a_process_has_ended_nothing_of_it_is_left() {
    for name in ["v40-basic", "v40-leak", "v40-opens", "gpadl", "rescind"] {
        let packets = sample(name);
        let (session, _) = see_all(numbered(&packets));
        assert!(session.is_complete() || name != "rescind", "{name}");
        for node in session.objects() {
            if let NodePlace::Object(_, object) = node.place {
                let kind = object.kind.unwrap();
                assert!(
                    kind.is_vm_wide() && kind != ObjectKind::Process,
                    "{name}: {object:?}"
                );
            }
        }
    }
}

#[test]
fn an_object_begins_only_when_the_host_says_so() {
    let mut talk = started();
    let asked = talk
        .add_request("open_sync_object", &[("device", &[findings::DEVICE])])
        .unwrap();
    let failed = [
        ("sync_object", &[0x4000_0300][..]),
        ("status", &[0xC000_0022]),
    ];
    talk.add_reply(&asked, &failed).unwrap();
    let (session, _) = see_all(talk.packets());
    assert!(
        session
            .history(findings::PROCESS, None, 0x4000_0300)
            .is_empty()
    );
}

#[test]
fn the_history_of_a_handle_says_who_destroyed_it_when() {
    let mut talk = started();
    talk.create_allocations(findings::DEVICE, &[0x4000_0080])
        .unwrap();
    let created = talk.packets.len() as u64;
    talk.add_exchange("destroy_device", &[("device", &[findings::DEVICE])], &[])
        .unwrap();
    let (session, _) = see_all(talk.packets());
    let history = session.history(findings::PROCESS, None, 0x4000_0080);
    let [HandleHistory::Ended(gone)] = history[..] else {
        panic!("{history:?}");
    };
    assert_eq!(gone.entity.created.packet, created);
    assert_eq!(
        (gone.end, gone.at.packet),
        (ObjectEnd::WithOwner, created + 2)
    );
    assert_eq!(
        (gone.at.pid, gone.entity.kind),
        (100, Some(ObjectKind::Allocation))
    );
}

#[test]
fn what_was_there_before_the_capture_is_no_error() {
    for name in ["v40-basic", "v40-leak", "gpadl", "v27"] {
        let packets = sample(name);
        for start in (7..packets.len().min(400)).step_by(7) {
            let (session, found) = see_all(numbered(&packets[start..packets.len().min(406)]));
            assert!(!session.is_complete());
            for (packet, finding) in found {
                assert!(
                    finding.severity() < Severity::Warn,
                    "{name} from {start}, {packet}: {finding}"
                );
            }
        }
    }
}

#[test]
fn memory_that_is_resident_is_on_its_processs_account() {
    let mut talk = started();
    talk.create_allocations(findings::DEVICE, &[0x40, 0x80, 0xc0])
        .unwrap();
    let both: &[u64] = &[0x40, 0x80];
    talk.add_exchange(
        "make_resident",
        &[("allocations", both)],
        &[("status", &[0x103])],
    )
    .unwrap();
    let account = |talk: &Conversation| {
        let (session, _) = see_all(talk.packets());
        let (process, _) = session.process(findings::PROCESS).unwrap();
        (process.bytes, process.resident)
    };
    assert_eq!(account(&talk), (3 * 4096, 2 * 4096));
    let device = ("device", &[findings::DEVICE][..]);
    talk.add_exchange("evict", &[device, ("allocations", &[0x40])], &[])
        .unwrap();
    assert_eq!(account(&talk), (3 * 4096, 4096));
    talk.add_exchange("destroy_allocation", &[device, ("allocations", both)], &[])
        .unwrap();
    assert_eq!(account(&talk), (4096, 0));
}

#[test]
fn in_async_mode_the_luid_tells_virtual_gpus_apart() {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    talk.vgpu = dxgtrace_tests::conversation::GLOBAL;
    for (luid, device) in [(7, 0x40), (9, 0x80)] {
        talk.luid = luid;
        talk.process = 0;
        talk.open_adapter().unwrap();
        if talk.process == 0 {
            talk.create_process(0x4000_0040 + luid as u32 * 64, luid as u32)
                .unwrap();
        }
        talk.create_device(device).unwrap();
    }
    let (session, found) = see_all(talk.packets());
    assert_eq!(found, []);
    let adapters: Vec<_> = session.adapters().iter().map(|one| one.luids[0]).collect();
    assert_eq!(adapters[1..], [7, 9]);
    let devices: Vec<_> = session
        .objects()
        .iter()
        .filter_map(|node| match node.place {
            NodePlace::Object(_, object) if object.kind == Some(ObjectKind::Device) => {
                object.adapter
            }
            _ => None,
        })
        .collect();
    assert_eq!(devices, [1, 2]);
}

#[test]
fn a_channel_opened_anew_ends_what_lived_on_it() {
    let mut talk = started();
    talk.next_transaction(VGPU0, 1);
    talk.open_adapter().unwrap();
    let (session, _) = see_all(talk.packets());
    let living = session.objects();
    let devices = living.iter().filter(|node| {
        matches!(node.place, NodePlace::Object(_, object) if object.kind == Some(ObjectKind::Device))
    });
    assert_eq!(devices.count(), 0);
    // The host may give the same numbers again.
    talk.create_device(findings::DEVICE).unwrap();
    let (_, found) = see_all(talk.packets());
    assert!(
        found
            .iter()
            .all(|(_, finding)| finding.severity() < Severity::Warn)
    );
}

#[test]
fn a_session_of_any_length_keeps_a_bounded_memory() {
    let mut talk = started();
    let begun = talk.packets.len();
    talk.create_process(0x4000_0140, 200).unwrap();
    talk.create_device(0x40).unwrap();
    talk.create_allocations(0x40, &[0x80, 0xc0]).unwrap();
    let device = ("device", &[0x40][..]);
    talk.add_exchange(
        "destroy_allocation",
        &[device, ("allocations", &[0x80, 0xc0])],
        &[],
    )
    .unwrap();
    talk.add_exchange("destroy_device", &[device], &[]).unwrap();
    talk.add_exchange("destroy_process", &[], &[]).unwrap();
    let (head, round) = talk.packets.split_at(begun);
    let mut session = Session::new();
    let mut number = 0;
    for packet in head {
        number += 1;
        session.analyze(&packet.packet(number), &mut |finding| panic!("{finding}"));
    }
    let mut shift = 0;
    for turn in 0..20_000 {
        for packet in round {
            number += 1;
            let mut packet = packet.clone();
            packet.header.transaction += shift;
            packet.time += turn * 1_000_000_000;
            session.analyze(&packet.packet(number), &mut |finding| panic!("{finding}"));
        }
        shift += 4;
    }
    assert!(session.object_count() < 10);
    assert_eq!(session.waiting_requests().len(), 0);
}

#[test]
fn of_requests_that_nobody_answers_the_oldest_are_forgotten() {
    const MOST: usize = 1 << 16;
    const SENT: u64 = 200_000;
    let mut talk = started();
    talk.create_allocations(0x40, &[0x80]).unwrap();
    let [.., request, reply] = &talk.packets[..] else {
        panic!("an exchange")
    };
    let (mut request, mut reply) = (request.clone(), reply.clone());
    let mut session = Session::new();
    let mut answer = |session: &mut Session, transaction| {
        reply.header.transaction = transaction;
        session.analyze(&reply.packet(SENT + 1), &mut |_| {});
        session.answered_request().map(|request| request.number)
    };
    // Whose thread is not known: it may wait for all of them.
    request.header.known = dxgtrace_protocol::record::header::KnownFields(0);
    for number in 1..=SENT {
        request.header.transaction = number;
        session.analyze(&request.packet(number), &mut |_| {});
    }
    let waiting = session.waiting_requests();
    assert!(
        (MOST / 2..=MOST).contains(&waiting.len()),
        "{}",
        waiting.len()
    );
    let newest = (SENT + 1 - waiting.len() as u64)..=SENT;
    assert!(waiting.iter().map(|one| one.number).eq(newest));
    assert_eq!(answer(&mut session, SENT), Some(SENT));
    assert_eq!(answer(&mut session, 1), None);
}

/// Two independent virtual GPUs, each with its own process.
fn two_gpus() -> (Vec<Owned>, Vec<Owned>, Vec<Owned>) {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    talk.vgpu = VGPU1;
    talk.luid += 1;
    talk.open_adapter().unwrap();
    for (vgpu, luid, process) in [
        (VGPU0, 0x00c0_ffee, 0x4000_0040),
        (VGPU1, 0x00c0_ffef, 0x4000_0080),
    ] {
        (talk.vgpu, talk.luid) = (vgpu, luid);
        talk.create_process(process, process / 64).unwrap();
    }
    let begun = talk.packets.len();
    let mut parts = Vec::new();
    for (vgpu, luid, process) in [
        (VGPU0, 0x00c0_ffee, 0x4000_0040),
        (VGPU1, 0x00c0_ffef, 0x4000_0080),
    ] {
        let first = talk.packets.len();
        (talk.vgpu, talk.luid) = (vgpu, luid);
        (talk.process, talk.pid) = (process, process / 64);
        talk.create_device(0x40).unwrap();
        talk.create_allocations(0x40, &[0x80, 0xc0, 0x100]).unwrap();
        let device = ("device", &[0x40][..]);
        talk.add_exchange(
            "destroy_allocation",
            &[device, ("allocations", &[0x80])],
            &[],
        )
        .unwrap();
        talk.add_exchange(
            "evict",
            &[device, ("allocations", &[0x80, 0xc0, 0x999])],
            &[],
        )
        .unwrap();
        talk.add_exchange(
            "create_paging_queue",
            &[device],
            &[("paging_queue", &[0x80]), ("sync_object", &[0x140])],
        )
        .unwrap();
        talk.add_exchange("flush_device", &[device], &[]).unwrap();
        parts.push(talk.packets[first..].to_vec());
    }
    let second = parts.pop().unwrap();
    let first = parts.pop().unwrap();
    (talk.packets[..begun].to_vec(), first, second)
}

/// Several correct conversations with all kinds of objects.
fn lively() -> Vec<Vec<Owned>> {
    let mut all: Vec<_> = ["v40-basic", "v40-leak", "v40-opens", "gpadl", "rescind"]
        .map(sample)
        .into();
    let (head, first, second) = two_gpus();
    let mut packets = head;
    // Without what is wrong in it.
    let right = |packets: Vec<Owned>| {
        let wrong = [6, 7];
        let kept = packets.into_iter().enumerate();
        kept.filter(move |(index, _)| !wrong.contains(index))
            .map(|(_, packet)| packet)
            .collect::<Vec<_>>()
    };
    packets.extend(right(first));
    packets.extend(right(second));
    all.push(packets);
    all
}

fn lost(like: &Owned, count: u64) -> Owned {
    let mut talk = Conversation::default();
    talk.add_loss(count);
    let mut record = talk.packets.pop().unwrap();
    record.time = like.time;
    record.channel = like.channel;
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_tree_at_any_packet_is_the_one_rebuilt_to_it(
        which in 0..6_usize,
        at in 0.0..1.0_f64,
        from in 0.0..1.0_f64,
    ) {
        let packets = &lively()[which];
        let at = (packets.len() as f64 * at) as usize;
        let from = (at as f64 * from) as usize;
        let (rebuilt, _) = see_all(numbered(&packets[..at]));
        // From a copy that was kept on the way.
        let (kept, _) = see_all(numbered(&packets[..from]));
        let mut replayed = kept.clone();
        for packet in numbered(packets).skip(from).take(at - from) {
            replayed.analyze(&packet, &mut |_| {});
        }
        prop_assert_eq!(tree(&rebuilt), tree(&replayed));
    }

    #[test]
    fn the_order_of_packets_of_independent_channels_changes_nothing(
        order in prop::collection::vec(any::<bool>(), 64),
    ) {
        let (head, first, second) = two_gpus();
        let count = head.len() as u64;
        let numbered = |packets: Vec<Owned>, from: u64| -> Vec<(u64, Owned)> {
            (from..).zip(packets).collect()
        };
        let head = numbered(head, 1);
        let first = numbered(first, count + 1);
        let second = numbered(second, count + 1 + first.len() as u64);
        let run = |mixed: &[(u64, Owned)]| {
            let (session, mut found) =
                see_all(mixed.iter().map(|(number, packet)| packet.packet(*number)));
            found.sort_by_key(|(packet, finding)| (*packet, finding.code(), finding.at));
            (tree(&session), found)
        };
        let plain: Vec<_> = [&head[..], &first, &second].concat();
        let (mut one, mut other) = (first.iter(), second.iter());
        let mut mixed = head.clone();
        for turn in order {
            mixed.extend(if turn { one.next() } else { other.next() }.cloned());
        }
        mixed.extend(one.chain(other).cloned());
        prop_assert_eq!(run(&plain), run(&mixed));
    }

    #[test]
    fn a_gap_never_gives_a_false_error(
        which in 0..6_usize,
        gaps in prop::collection::vec((0.0..1.0_f64, 1..12_usize), 1..4),
    ) {
        let mut packets = lively().swap_remove(which);
        for (at, length) in gaps {
            let at = (packets.len() as f64 * at) as usize;
            let end = (at + length).min(packets.len());
            if at < end {
                let record = lost(&packets[at], (end - at) as u64);
                packets.splice(at..end, [record]);
            }
        }
        let (_, found) = see_all(numbered(&packets));
        for (packet, finding) in found {
            let own = finding.code().word() == "capture.lost";
            prop_assert!(
                own || finding.severity() < Severity::Warn,
                "{}: {} {}", packet, finding.code().word(), finding
            );
        }
    }

    #[test]
    fn any_order_and_any_bytes_are_survived(
        order in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u16>()), 1..300),
    ) {
        let packets = sample("v40-basic");
        let mut session = Session::new();
        for (number, (index, value, place)) in (1..).zip(order) {
            let mut packet = index.get(&packets).clone();
            if let Some(byte) = packet.payload.get_mut(usize::from(place % 128)) {
                *byte = value;
            }
            session.analyze(&packet.packet(number), &mut |_| {});
        }
        session.finish(&mut |_, _| {});
        let _ = tree(&session);
    }
}

/// The only account, of the session's only process.
fn account(session: &Session) -> dxgtrace_session::MemoryAccount {
    let accounts = session.memory_accounts();
    assert_eq!(accounts.len(), 1);
    accounts[0].clone()
}

#[test]
fn the_ledger_says_who_has_how_much() {
    use findings::{DEVICE, PROCESS};
    let mut talk = started();
    let queue = [
        ("paging_queue", &[0x4000_0100][..]),
        ("sync_object", &[0x4000_0140]),
    ];
    talk.add_exchange("create_paging_queue", &[("device", &[DEVICE])], &queue)
        .unwrap();
    talk.create_allocations(DEVICE, &[0x4000_0080, 0x4000_00c0])
        .unwrap();
    let list = |name: &str, talk: &mut Conversation, handles: &[u64]| {
        talk.add_exchange(name, &[("allocations", handles)], &[])
            .unwrap();
    };
    list("make_resident", &mut talk, &[0x4000_0080, 0x4000_00c0]);
    list("make_resident", &mut talk, &[0x4000_0080]);
    list("evict", &mut talk, &[0x4000_0080, 0x4000_00c0]);
    list("offer_allocations", &mut talk, &[0x4000_00c0]);
    talk.add_exchange(
        "query_video_memory_info",
        &[],
        &[("budget", &[1 << 30]), ("current_usage", &[1 << 20])],
    )
    .unwrap();
    let (session, _) = see_all(talk.packets());
    let one = account(&session);
    assert_eq!((one.process, one.pid), (u64::from(PROCESS), 100));
    assert_eq!((one.devices, one.allocations), (1, 2));
    assert_eq!((one.bytes, one.peak_bytes), (8192, 8192));
    assert_eq!((one.resident, one.peak_resident), (4096, 8192));
    assert_eq!(one.offered, 4096);
    let budget = one.budgets[0].unwrap();
    assert_eq!((budget.budget, budget.in_use), (1 << 30, 1 << 20));

    list("reclaim_allocations", &mut talk, &[0x4000_00c0]);
    list("destroy_allocation", &mut talk, &[0x4000_0080]);
    let one = account(&see_all(talk.packets()).0);
    assert_eq!((one.allocations, one.bytes), (1, 4096));
    assert_eq!((one.resident, one.offered), (0, 0));

    talk.add_exchange("destroy_process", &[], &[]).unwrap();
    let one = account(&see_all(talk.packets()).0);
    assert!(one.ended);
    assert_eq!((one.peak_bytes, one.peak_resident), (8192, 8192));
}

#[test]
fn the_ledger_counts_gpu_addresses() {
    let mut talk = started();
    talk.add_exchange(
        "reserve_gpu_virtual_address",
        &[("size", &[0x10000])],
        &[("virtual_address", &[0x7000_0000])],
    )
    .unwrap();
    talk.add_exchange(
        "map_gpu_virtual_address",
        &[("size_in_pages", &[2])],
        &[("virtual_address", &[0x7000_1000])],
    )
    .unwrap();
    let addresses = |talk: &Conversation| {
        let one = account(&see_all(talk.packets()).0);
        (one.reserved(), one.mapped())
    };
    assert_eq!(addresses(&talk), (0x10000, 0x2000));
    // Unmaps what stands in the element's other meaning, and nothing else.
    talk.add_exchange(
        "update_gpu_virtual_address",
        &[
            ("operations.operation", &[1]),
            ("operations.unmap.base_address", &[0x7000_2000]),
            ("operations.unmap.size", &[0x1000]),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(addresses(&talk), (0x10000, 0x1000));
    let free = [("base_address", &[0x7000_0000][..]), ("size", &[0x8000])];
    talk.add_exchange(
        "free_gpu_virtual_address",
        &free,
        &[("status", &[0xC000_000D])],
    )
    .unwrap();
    assert_eq!(addresses(&talk), (0x10000, 0x1000), "refused");
    talk.add_exchange("free_gpu_virtual_address", &free, &[])
        .unwrap();
    assert_eq!(addresses(&talk), (0x8000, 0));
}

#[test]
fn a_waiting_thread_is_told_with_its_fence_and_what_was_asked_of_it() {
    use findings::DEVICE;
    let mut talk = started();
    talk.add_exchange(
        "create_sync_object",
        &[("device", &[DEVICE]), ("info.type", &[5])],
        &[("sync_object", &[0x4000_0200])],
    )
    .unwrap();
    let wait = [
        ("device", &[DEVICE][..]),
        ("guest_event_pointer", &[2]),
        ("objects", &[0x4000_0200]),
        ("fence_values", &[7]),
    ];
    talk.add_exchange("wait_for_sync_object_from_cpu", &wait, &[])
        .unwrap();
    let waited = talk.packets.len() as u64 - 1;
    let asked = |talk: &Conversation| {
        let sleepers = see_all(talk.packets()).0.cpu_waits();
        assert_eq!(sleepers.len(), 1);
        let one = &sleepers[0];
        assert_eq!((one.packet, one.event, one.tid), (waited, 2, 100));
        let fence = &one.fences[0];
        assert_eq!((fence.handle, fence.value), (0x4000_0200, 7));
        fence.highest_request.map(|(value, _)| value)
    };
    assert_eq!(asked(&talk), None);
    let signal = [
        ("device", &[DEVICE][..]),
        ("objects", &[0x4000_0200]),
        ("fence_values", &[6]),
    ];
    talk.add_exchange("signal_sync_object", &signal, &[])
        .unwrap();
    assert_eq!(asked(&talk), Some(6));
    talk.add_host_message("signal_guest_event", &[("event", &[2])])
        .unwrap();
    assert!(see_all(talk.packets()).0.cpu_waits().is_empty());
}
