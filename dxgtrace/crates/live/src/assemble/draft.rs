//! Unfinished packets, built from the probe's records.

use dxgtrace_ebpf::record::{self, END_SYNC, END_UNSEEN, KIND_SEND, VIEW_EXPECTED, VIEW_IOCTL};

use dxgtrace_protocol::packet::Channel;
use dxgtrace_protocol::record::header::{
    ChannelEvent, ChannelKind, Direction, IoctlEnd, KnownFields, LostPackets, RecordHeader,
    RecordKind,
};
use dxgtrace_protocol::table::framing::{FLAG_COMPLETION_REQUESTED, PACKET_COMPLETION};

/// Identifies a request: the address of its channel, and its transaction id.
pub(super) type RequestKey = (u64, u64);

/// An unfinished packet.
#[derive(Debug)]
pub(super) struct PacketDraft {
    pub(super) header: RecordHeader,
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub(super) time: u64,
    pub(super) interface: u32,
    pub(super) payload: Vec<u8>,
    /// Address of the `struct vmbus_channel`.
    pub(super) channel: u64,
    pub(super) task: u64,
    /// Whether it is a send whose return value is outstanding.
    pub(super) awaits_return: bool,
}

impl PacketDraft {
    /// A packet whose payload is in `buffer`.
    pub(super) fn packet(packet: &record::PacketRecord, interface: u32, buffer: Vec<u8>) -> Self {
        Self {
            header: header(packet),
            time: packet.time,
            interface,
            payload: buffer,
            channel: packet.channel,
            task: packet.task,
            awaits_return: packet.kind == KIND_SEND,
        }
    }

    /// The end of an ioctl. Its payload is written into `buffer`.
    pub(super) fn ioctl_end(
        end: &record::IoctlEndRecord,
        interface: u32,
        mut buffer: Vec<u8>,
    ) -> Self {
        let payload = IoctlEnd {
            duration: end.time.saturating_sub(end.entry),
            messages: end.messages.into(),
        };
        let mut known = KnownFields::TASK | KnownFields::IOCTL;
        if end.flags & END_UNSEEN == 0 {
            known |= KnownFields::IOCTL_RESULT;
        }
        if end.flags & END_SYNC != 0 {
            known |= KnownFields::RETURN_VALUE;
        }
        buffer.extend_from_slice(&payload.encode());
        Self {
            header: RecordHeader {
                kind: RecordKind::Ioctl,
                direction: Direction::HostToGuest,
                known: KnownFields(known),
                pid: (end.task >> 32) as u32,
                tid: end.task as u32,
                comm: record::bytes(end.comm),
                return_value: end.failed,
                ioctl: end.request,
                ioctl_result: end.result,
                cpu: end.cpu,
                payload_length: IoctlEnd::LENGTH as u32,
                ..RecordHeader::EMPTY
            },
            time: end.time,
            interface,
            payload: buffer,
            channel: 0,
            task: end.task,
            awaits_return: false,
        }
    }

    /// What happened to a channel, its payload written into `buffer`.
    pub(super) fn channel_event(
        event: &record::ChannelRecord,
        channel: Option<&Channel>,
        interface: u32,
        mut buffer: Vec<u8>,
    ) -> Self {
        // The numbers are the same.
        let happened = ChannelEvent::from_number(event.event).unwrap_or(ChannelEvent::Offer);
        let (direction, known) = match happened {
            ChannelEvent::Offer | ChannelEvent::Rescind => (Direction::HostToGuest, 0),
            ChannelEvent::Open => (Direction::GuestToHost, KnownFields::RETURN_VALUE),
            ChannelEvent::Close => (Direction::GuestToHost, 0),
        };
        buffer.extend_from_slice(&happened.encode());
        Self {
            header: RecordHeader {
                kind: RecordKind::Channel,
                direction,
                channel_kind: channel.map_or(ChannelKind::Unknown, |channel| channel.kind),
                known: KnownFields(KnownFields::TASK | known),
                channel: event.relid,
                pid: (event.task >> 32) as u32,
                tid: event.task as u32,
                comm: record::bytes(event.comm),
                return_value: event.value,
                cpu: event.cpu,
                payload_length: ChannelEvent::LENGTH as u32,
                ..RecordHeader::EMPTY
            },
            time: event.time,
            interface,
            payload: buffer,
            channel: 0,
            task: event.task,
            awaits_return: false,
        }
    }

    /// A record of lost packets on `channel`.
    pub(super) fn lost(
        lost: LostPackets,
        channel: Option<&Channel>,
        interface: u32,
        time: u64,
    ) -> Self {
        let payload = lost.encode().to_vec();
        Self {
            header: RecordHeader {
                kind: RecordKind::Lost,
                direction: Direction::HostToGuest,
                channel_kind: channel.map_or(ChannelKind::Unknown, |channel| channel.kind),
                channel: channel.map_or(0, |channel| channel.relid),
                payload_length: payload.len() as u32,
                ..RecordHeader::EMPTY
            },
            time,
            interface,
            payload,
            channel: 0,
            task: 0,
            awaits_return: false,
        }
    }

    /// The request that this packet is, or that it replies to.
    pub(super) fn request(&self) -> RequestKey {
        (self.channel, self.header.transaction)
    }

    /// Whether it is a reply.
    pub(super) fn is_reply(&self) -> bool {
        self.header.packet_type == PACKET_COMPLETION
    }

    /// Whether it asks for a reply.
    pub(super) fn wants_reply(&self) -> bool {
        self.header.packet_flags & FLAG_COMPLETION_REQUESTED != 0
    }
}

fn header(packet: &record::PacketRecord) -> RecordHeader {
    let common = RecordHeader {
        channel_kind: ChannelKind::from_number_or_unknown(packet.channel_kind),
        packet_type: packet.packet_type,
        packet_flags: packet.packet_flags,
        channel: packet.relid,
        transaction: packet.transaction,
        cpu: packet.cpu,
        payload_length: packet.length,
        ..RecordHeader::EMPTY
    };
    if packet.kind == KIND_SEND {
        RecordHeader {
            direction: Direction::GuestToHost,
            known: KnownFields(
                KnownFields::TASK | KnownFields::EXACT_LENGTH | known_of_view(packet.view),
            ),
            pid: (packet.task >> 32) as u32,
            tid: packet.task as u32,
            comm: record::bytes(packet.comm),
            ioctl: packet.ioctl,
            expected_reply_length: packet.expected,
            ..common
        }
    } else {
        // The task is the one that the interrupt hit, so it is left out.
        RecordHeader {
            direction: Direction::HostToGuest,
            ..common
        }
    }
}

/// Converts `VIEW_` bits of a record to bits of [`KnownFields`].
fn known_of_view(bits: u16) -> u16 {
    let known = |bit, known| if bits & bit != 0 { known } else { 0 };
    known(VIEW_IOCTL, KnownFields::IOCTL) | known(VIEW_EXPECTED, KnownFields::EXPECTED_REPLY)
}
