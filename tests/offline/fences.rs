//! Who waits for which fence, who owes the signal, and what may be said of it.
#![allow(clippy::unwrap_used, reason = "a test")]

use dxgtrace_protocol::record::header::{
    Direction, IoctlEnd, KnownFields, RecordHeader, RecordKind,
};
use dxgtrace_session::check::{Code, Finding, Layer};
use dxgtrace_session::{CpuWait, LinkKind, Session, SignalSource};
use dxgtrace_tests::conversation::{Conversation, DRIVER};
use dxgtrace_tests::findings::{DEVICE, PROCESS};

const CONTEXT: u64 = 0x4000_0100;
const OTHER: u64 = 0x4000_0140;
const FENCE: u64 = 0x4000_0200;
const GATE: u64 = 0x4000_0240;
const LONG: u64 = 6_000_000_000;

fn started() -> Conversation {
    let mut talk = Conversation::default();
    talk.start_driver().unwrap();
    talk.create_process(PROCESS, 100).unwrap();
    talk.create_device(DEVICE).unwrap();
    for context in [CONTEXT, OTHER] {
        let made = [("context", &[context][..])];
        talk.add_exchange("create_context_virtual", &[("device", &[DEVICE])], &made)
            .unwrap();
    }
    for fence in [FENCE, GATE] {
        create(&mut talk, fence, 0);
    }
    talk
}

fn create(talk: &mut Conversation, fence: u64, first: u64) {
    let asked = [
        ("device", &[DEVICE][..]),
        ("info.type", &[5]),
        ("info.monitored_fence.initial_fence_value", &[first]),
    ];
    talk.add_exchange("create_sync_object", &asked, &[("sync_object", &[fence])])
        .unwrap();
}

fn wait(talk: &mut Conversation, event: u64, fence: u64, value: u64) {
    let asked = [
        ("device", &[DEVICE][..]),
        ("guest_event_pointer", &[event]),
        ("objects", &[fence]),
        ("fence_values", &[value]),
    ];
    talk.add_exchange("wait_for_sync_object_from_cpu", &asked, &[])
        .unwrap();
}

fn wake(talk: &mut Conversation, event: u64) {
    talk.add_host_message("signal_guest_event", &[("event", &[event])])
        .unwrap();
}

fn hold(talk: &mut Conversation, context: u64, fence: u64, value: u64) {
    let asked = [
        ("context", &[context][..]),
        ("objects", &[fence]),
        ("fence_values", &[value]),
    ];
    talk.add_exchange("wait_for_sync_object_from_gpu", &asked, &[])
        .unwrap();
}

/// A signal from a context, or from the CPU if that is 0.
fn signal(talk: &mut Conversation, context: u64, fence: u64, value: u64, status: u64) {
    let (contexts, device) = ([context], [DEVICE]);
    let (fences, values) = ([fence], [value]);
    let mut asked = vec![("objects", &fences[..]), ("fence_values", &values)];
    match context {
        0 => asked.push(("device", &device)),
        _ => asked.push(("contexts", &contexts)),
    }
    talk.add_exchange("signal_sync_object", &asked, &[("status", &[status])])
        .unwrap();
}

fn submit(talk: &mut Conversation, context: u64) {
    talk.add_exchange("submit_command", &[("broadcast_context", &[context])], &[])
        .unwrap();
}

fn pass(talk: &mut Conversation) {
    talk.time += LONG;
    talk.add_exchange("flush_heap_transitions", &[], &[])
        .unwrap();
}

fn see_all(talk: &Conversation) -> (Session, Vec<Finding>) {
    let mut session = Session::new();
    let mut found = Vec::new();
    for packet in talk.packets() {
        session.analyze(&packet, &mut |finding| found.push(finding));
    }
    session.finish(&mut |_, finding| found.push(finding));
    (session, found)
}

fn codes(talk: &Conversation) -> Vec<Code> {
    let (_, found) = see_all(talk);
    found.iter().map(Finding::code).collect()
}

fn links(wait: &CpuWait) -> Vec<(u8, LinkKind)> {
    let chain = wait.fences[0].chain.iter();
    chain.map(|link| (link.depth, link.kind)).collect()
}

/// The number of the request of the latest exchange.
fn last(talk: &Conversation) -> u64 {
    talk.packets.len() as u64 - 1
}

#[test]
fn the_chain_leads_from_a_thread_to_the_fence_that_nobody_signals() {
    let mut talk = started();
    hold(&mut talk, CONTEXT, GATE, 5);
    let held = last(&talk);
    submit(&mut talk, CONTEXT);
    signal(&mut talk, CONTEXT, FENCE, 1, 0);
    let signalled = last(&talk);
    wait(&mut talk, 2, FENCE, 1);
    let waits = see_all(&talk).0.cpu_waits();
    assert_eq!(
        links(&waits[0]),
        [
            (
                0,
                LinkKind::Signal {
                    source: SignalSource::Context(CONTEXT),
                    value: 1,
                    packet: signalled,
                    is_done: false,
                }
            ),
            (
                0,
                LinkKind::Wait {
                    fence: GATE,
                    value: 5,
                    packet: held,
                }
            ),
            (1, LinkKind::Unasked),
        ]
    );
    // Once the CPU has opened the gate, only work is left.
    signal(&mut talk, 0, GATE, 5, 0);
    let waits = see_all(&talk).0.cpu_waits();
    let kinds = links(&waits[0]);
    assert!(matches!(kinds[1], (0, LinkKind::Work { .. })), "{kinds:?}");
    // What a wait proves to be done is no longer in the way.
    wake(&mut talk, 2);
    signal(&mut talk, CONTEXT, FENCE, 2, 0);
    wait(&mut talk, 3, FENCE, 2);
    let waits = see_all(&talk).0.cpu_waits();
    let kinds = links(&waits[0]);
    assert!(
        matches!(kinds[..], [(0, LinkKind::Signal { value: 2, .. })]),
        "{kinds:?}"
    );
}

#[test]
fn what_the_host_refuses_was_never_asked_for() {
    let mut talk = started();
    signal(&mut talk, CONTEXT, FENCE, 1, 0xC000_000D);
    wait(&mut talk, 2, FENCE, 1);
    let waits = see_all(&talk).0.cpu_waits();
    assert_eq!(links(&waits[0]), [(0, LinkKind::Unasked)]);
    assert_eq!(waits[0].fences[0].highest_request, None);
}

#[test]
fn a_fence_has_its_first_value_from_the_beginning() {
    let mut talk = started();
    create(&mut talk, 0x4000_0280, 9);
    hold(&mut talk, CONTEXT, 0x4000_0280, 9);
    signal(&mut talk, CONTEXT, FENCE, 1, 0);
    wait(&mut talk, 2, FENCE, 1);
    let waits = see_all(&talk).0.cpu_waits();
    let kinds = links(&waits[0]);
    assert!(
        !kinds
            .iter()
            .any(|(_, kind)| matches!(kind, LinkKind::Unasked)),
        "{kinds:?}"
    );
}

#[test]
fn a_fence_of_a_paging_queue_is_owed_by_it() {
    let mut talk = started();
    let queue = [
        ("paging_queue", &[0x4000_0300][..]),
        ("sync_object", &[0x4000_0340]),
    ];
    talk.add_exchange("create_paging_queue", &[("device", &[DEVICE])], &queue)
        .unwrap();
    talk.create_allocations(DEVICE, &[0x4000_0380]).unwrap();
    let asked = [
        ("paging_queue", &[0x4000_0300][..]),
        ("allocations", &[0x4000_0380]),
    ];
    let told = [("paging_fence_value", &[1001][..]), ("status", &[0x103])];
    talk.add_exchange("make_resident", &asked, &told).unwrap();
    wait(&mut talk, 2, 0x4000_0340, 1001);
    let waits = see_all(&talk).0.cpu_waits();
    let kinds = links(&waits[0]);
    assert!(
        matches!(
            kinds[..],
            [(
                0,
                LinkKind::Signal {
                    source: SignalSource::PagingQueue(0x4000_0300),
                    value: 1001,
                    ..
                }
            )]
        ),
        "{kinds:?}"
    );
}

#[test]
fn the_layer_says_on_whose_side_the_signal_is() {
    let mut talk = started();
    wait(&mut talk, 2, FENCE, 1);
    pass(&mut talk);
    let layers = |talk: &Conversation| -> Vec<Layer> {
        let (_, found) = see_all(talk);
        let found = found.iter();
        let fences = found.filter(|one| one.code() == Code::FenceNeverSignalled);
        fences.map(|one| one.layer).collect()
    };
    assert_eq!(layers(&talk), [Layer::Library]);
    signal(&mut talk, 0, FENCE, 1, 0);
    assert_eq!(layers(&talk), [Layer::Host]);
}

/// Two contexts that hold each other up.
fn crossed() -> Conversation {
    let mut talk = started();
    hold(&mut talk, CONTEXT, GATE, 1);
    signal(&mut talk, CONTEXT, FENCE, 1, 0);
    hold(&mut talk, OTHER, FENCE, 1);
    signal(&mut talk, OTHER, GATE, 1, 0);
    talk
}

#[test]
fn a_deadlock_is_told_only_if_nothing_can_resolve_it() {
    let is_told = |change: fn(&mut Conversation)| {
        let mut talk = crossed();
        change(&mut talk);
        pass(&mut talk);
        codes(&talk).contains(&Code::FenceDeadlock)
    };
    assert_eq!(see_all(&crossed()).0.held_queues().len(), 2);
    assert!(is_told(|_| {}));
    assert!(!is_told(|talk| signal(talk, 0, FENCE, 1, 0)), "the CPU");
    assert!(!is_told(|talk| talk.add_loss(1)), "a loss");
    assert!(
        !is_told(|talk| {
            context_alone(talk);
        }),
        "a third context"
    );
    let mut talk = crossed();
    talk.add_exchange("flush_heap_transitions", &[], &[])
        .unwrap();
    assert!(!codes(&talk).contains(&Code::FenceDeadlock), "too early");
}

/// A context that waits for nothing signals what the two wait for.
fn context_alone(talk: &mut Conversation) {
    let made = [("context", &[0x4000_0180][..])];
    talk.add_exchange("create_context_virtual", &[("device", &[DEVICE])], &made)
        .unwrap();
    signal(talk, 0x4000_0180, FENCE, 1, 0);
}

#[test]
fn a_fence_that_others_have_too_is_in_no_deadlock() {
    let mut talk = started();
    let asked = [
        ("device", &[DEVICE][..]),
        ("info.type", &[5]),
        ("info.flags", &[1]),
    ];
    let told = [
        ("sync_object", &[0x4000_0280][..]),
        ("global_sync_object", &[0x4000_0040]),
    ];
    talk.add_exchange("create_sync_object", &asked, &told)
        .unwrap();
    hold(&mut talk, CONTEXT, 0x4000_0280, 1);
    signal(&mut talk, CONTEXT, 0x4000_0280, 1, 0);
    pass(&mut talk);
    assert!(!codes(&talk).contains(&Code::FenceDeadlock));
}

#[test]
fn a_context_that_waits_for_its_own_later_signal_is_a_deadlock() {
    let mut talk = started();
    hold(&mut talk, CONTEXT, FENCE, 1);
    signal(&mut talk, CONTEXT, FENCE, 1, 0);
    wait(&mut talk, 2, FENCE, 1);
    pass(&mut talk);
    let codes = codes(&talk);
    assert!(codes.contains(&Code::FenceDeadlock), "{codes:?}");
    assert!(!codes.contains(&Code::QueueStalled), "{codes:?}");
    let waits = see_all(&talk).0.cpu_waits();
    let kinds = links(&waits[0]);
    assert_eq!(kinds.last(), Some(&(1, LinkKind::Cycle)));
}

#[test]
fn a_loss_after_the_wait_withholds_what_depends_on_it() {
    let mut talk = started();
    signal(&mut talk, CONTEXT, FENCE, 1, 0);
    wait(&mut talk, 2, FENCE, 1);
    talk.add_loss(1);
    pass(&mut talk);
    let codes = codes(&talk);
    let about = [Code::FenceNeverSignalled, Code::QueueStalled];
    assert!(!codes.iter().any(|code| about.contains(code)), "{codes:?}");
}

#[test]
fn of_a_killed_wait_the_sample_says_which_fence_and_who_owed_it() {
    let path = dxgtrace_tests::samples().join("hang-fence.pcapng");
    let mut reader = dxgtrace_file::open(&path).unwrap();
    let mut session = Session::new();
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let number = record.packet.number;
        session.analyze(&record.packet, &mut |finding| found.push((number, finding)));
    }
    let told: Vec<_> = found
        .iter()
        .filter(|(_, finding)| finding.code() == Code::FenceNeverSignalled)
        .map(|(number, finding)| (*number, finding.layer, finding.to_string()))
        .collect();
    let text = "the host had not ended a thread's wait for fence";
    let end = "when a signal did; packet 404 asks for that value";
    assert_eq!(
        told,
        [
            (
                421,
                Layer::Host,
                format!("{text} 0x80000200 to reach 10 {end}")
            ),
            (
                421,
                Layer::Host,
                format!("{text} 0x40000280 to reach 20 {end}")
            ),
        ]
    );
    let wait = session.interrupted_waits().next().unwrap();
    assert_eq!((wait.packet, wait.tid), (419, 283));
    let sources: Vec<_> = links(wait)
        .into_iter()
        .filter_map(|(_, kind)| match kind {
            LinkKind::Signal { source, packet, .. } => Some((source, packet)),
            _ => None,
        })
        .collect();
    let context = SignalSource::Context(0xc000_0040);
    assert_eq!(
        sources,
        [(SignalSource::Cpu, 404), (context, 407), (context, 413)]
    );
}

#[test]
fn whatever_waits_and_signals_come_the_memory_stays_bounded() {
    const MANY: u64 = 20_000;
    let mut talk = started();
    let begun = talk.packets.len();
    create(&mut talk, 0x5000_0000, 0);
    let made = [("context", &[0x5000_0040][..])];
    talk.add_exchange("create_context_virtual", &[("device", &[DEVICE])], &made)
        .unwrap();
    submit(&mut talk, 0x5000_0040);
    hold(&mut talk, 0x5000_0040, 0x5000_0000, 1);
    signal(&mut talk, 0x5000_0040, 0x5000_0000, 1, 0);
    wait(&mut talk, 2, 0x5000_0000, 1);
    let (head, round) = talk.packets.split_at(begun);
    let mut session = Session::new();
    let mut number = 0;
    for packet in head {
        number += 1;
        session.analyze(&packet.packet(number), &mut |_| {});
    }
    for turn in 0..MANY {
        for packet in round {
            number += 1;
            let mut packet = packet.clone();
            packet.header.transaction += turn * round.len() as u64;
            packet.header.tid += turn as u32;
            session.analyze(&packet.packet(number), &mut |_| {});
        }
    }
    assert!(session.cpu_waits().len() <= 1 << 12);
    assert!(session.queues().len() <= 1 << 10);
    let links = session.cpu_waits().into_iter();
    let longest = links
        .flat_map(|wait| wait.fences)
        .map(|one| one.chain.len());
    assert!(longest.max().unwrap_or(0) <= 32);
}

#[test]
fn a_process_that_ends_takes_its_waits_with_it() {
    let mut talk = started();
    signal(&mut talk, CONTEXT, FENCE, 1, 0);
    wait(&mut talk, 2, FENCE, 1);
    let mut short = talk.clone();
    short.add_exchange("destroy_process", &[], &[]).unwrap();
    assert!(!codes(&short).contains(&Code::FenceNeverSignalled));
    talk.time += LONG;
    talk.add_exchange("destroy_process", &[], &[]).unwrap();
    let (session, found) = see_all(&talk);
    let told = found
        .iter()
        .find(|one| one.code() == Code::FenceNeverSignalled);
    let text = told.map(ToString::to_string).unwrap_or_default();
    assert!(text.contains("when its process ended"), "{text}");
    assert!(session.cpu_waits().is_empty());
    assert_eq!(session.interrupted_waits().count(), 1);
}

/// Two contexts that take turns, as a right program lets them: each waits for
/// what the other signals before.
fn ping_pong() -> Conversation {
    let mut talk = started();
    for turn in 1..12 {
        signal(&mut talk, OTHER, GATE, turn, 0);
        hold(&mut talk, CONTEXT, GATE, turn);
        submit(&mut talk, CONTEXT);
        signal(&mut talk, CONTEXT, FENCE, turn, 0);
        hold(&mut talk, OTHER, FENCE, turn);
        wait(&mut talk, 1 + turn, FENCE, turn);
        if turn % 2 == 0 {
            wake(&mut talk, 1 + turn);
        }
    }
    talk
}

/// An ioctl of another thread ends much later.
fn idle(talk: &mut Conversation) {
    talk.time += LONG;
    let known = KnownFields(KnownFields::TASK | KnownFields::IOCTL | KnownFields::IOCTL_RESULT);
    let header = RecordHeader {
        kind: RecordKind::Ioctl,
        known,
        pid: 999,
        tid: 999,
        ..talk.header(Direction::HostToGuest, DRIVER, 0)
    };
    talk.push(header, IoctlEnd::default().encode().to_vec());
}

#[test]
fn no_part_of_right_traffic_is_a_deadlock() {
    let whole = ping_pong();
    let is_told = |talk: &Conversation, what: &str, at: usize| {
        let codes = codes(talk);
        assert!(!codes.contains(&Code::FenceDeadlock), "{what} {at}");
    };
    for at in 1..whole.packets.len() {
        let mut early = whole.clone();
        early.packets.truncate(at);
        idle(&mut early);
        is_told(&early, "stopped at", at);
        let mut late = whole.clone();
        late.packets.drain(..at);
        pass(&mut late);
        is_told(&late, "begun at", at);
        let mut lost = whole.clone();
        lost.add_loss(1);
        let record = lost.packets.pop().unwrap();
        lost.packets[at] = record;
        pass(&mut lost);
        is_told(&lost, "lost", at);
    }
}
