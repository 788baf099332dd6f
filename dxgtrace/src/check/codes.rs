//! The one list of finding codes: what each means, how bad it is, which layer
//! it speaks of, and what to do next.

use serde::{Deserialize, Serialize};

/// How bad a finding is. The words are Wireshark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Part of the normal course of things, worth knowing.
    Chat,
    /// Unusual, and harmless as far as is known.
    Note,
    /// Unusual, and possibly the cause of trouble.
    Warn,
    /// Breaks the protocol, or makes a request fail.
    Error,
}

impl Severity {
    /// The severity's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Every severity, mildest first.
    pub const ALL: &'static [Self] = &[Self::Chat, Self::Note, Self::Warn, Self::Error];
}

/// Which layer a finding speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The application or its user-mode library.
    Library,
    /// The guest driver.
    Guest,
    /// VMBus and its rings.
    Transport,
    /// The Windows host.
    Host,
    /// The capture itself.
    Capture,
}

impl Layer {
    /// Every layer, from the application to the host.
    pub const ALL: &'static [Self] = &[
        Self::Library,
        Self::Guest,
        Self::Transport,
        Self::Host,
        Self::Capture,
    ];

    /// The layer's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Guest => "guest driver",
            Self::Transport => "transport",
            Self::Host => "host",
            Self::Capture => "capture",
        }
    }
}

/// What there is to know of a code.
#[derive(Debug)]
pub struct Description {
    /// The stable word: in text, JSON, filters, Wireshark and exit conditions.
    pub word: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Which layer it speaks of.
    pub layer: Layer,
    /// What happened, in a sentence. `{part}`, `{at}`, `{a}` and `{b}` stand
    /// for the finding's part, offset and numbers; `{a:x}` is hexadecimal.
    pub what: &'static str,
    /// Why this happens.
    pub cause: &'static str,
    /// What to do next.
    pub next: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $severity:ident, $layer:ident,
       $what:literal, $cause:literal, $next:literal;)*) => {
        /// The kind of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $what] $name,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What there is to know of it.
            pub const fn description(self) -> &'static Description {
                match self {
                    $(Self::$name => &Description {
                        word: $word,
                        severity: Severity::$severity,
                        layer: Layer::$layer,
                        what: $what,
                        cause: $cause,
                        next: $next,
                    },)*
                }
            }
        }
    };
}

codes! {
    FramingShort = "framing.short", Error, Host,
        "{b} bytes hold no command header, which takes {a}",
        "The sender wrote less than a header. The driver drops such a packet with an error in the kernel log.",
        "Look at which side sent it: from the host, it is a fault of the host's service; from the guest, of the driver build.";
    FramingForeign = "framing.foreign", Error, Guest,
        "the message begins with {a:x}, neither 0 (command header) nor 16 (extended header)",
        "The guest speaks a format that is not public, or the packet is not of this protocol.",
        "Compare the driver's version with docs/protocol.md; report the packet if the driver is a released one.";
    PacketType = "packet.type", Error, Host,
        "VMBus packet type {a} has no meaning in this protocol",
        "Only types 6 (in-band) and 11 (completion) are used. The driver logs and drops others; drivers before 2022 handled them as in-band.",
        "A type beyond these from a released host is a protocol change: keep the capture and report it.";
    PacketDirection = "packet.direction", Error, Guest,
        "the {part} goes the wrong way",
        "Completions come from the host only; each numbering belongs to one direction.",
        "The sender is faulty, or the channel was taken for another.";
    PacketNoReply = "packet.completion_flag", Error, Guest,
        "the packet's completion flag is {a}, but the message's async bit is {b}",
        "A message without the async bit asks for a completion, one with it does not. Here they disagree, so one side waits or answers in vain.",
        "Look at the driver build: both come from the same place in it.";
    ChannelWrong = "channel.wrong", Error, Host,
        "a {part} message travels on the channel of another kind",
        "Messages about the virtual machine and from the host use the global channel only.",
        "Check that the channel's interface type was captured rightly; otherwise the sender is faulty.";
    ChannelType = "channel.type", Error, Guest,
        "channel type {a} is unknown",
        "The header's channel type is 0 (vGPU), 1 (global) or 2 (host) in every known version.",
        "The sender is newer than this program or faulty.";
    AsyncUnexpected = "async.unexpected", Error, Guest,
        "{part} is sent without a reply, which the protocol knows only of submissions, signals and waits",
        "In async mode four messages go without a reply; all others keep theirs.",
        "Look at the driver build.";
    CommandUnknown = "command.unknown", Error, Guest,
        "command {a} has no name in the {part} set",
        "The number is not in any public version of the protocol.",
        "The sender is newer than this program: report the number with the driver's and host's versions.";
    CommandUnsent = "command.unsent", Note, Guest,
        "{part} is named, but no public driver sends it",
        "A driver that does is a changed or a newer one; what the message holds is not public.",
        "Note the driver's version; the body is shown as bytes.";
    SizeShort = "size.short", Error, Guest,
        "{part} takes {a} bytes from offset {at}, but {b} are there",
        "The message is shorter than its structure. The receiver refuses it or reads what is not there.",
        "Compare the driver's structure with docs/protocol.md: an out-of-tree build may have changed it.";
    CountBeyondEnd = "count.beyond_end", Error, Guest,
        "{part} takes {a} bytes from offset {at} by its count, but {b} are there",
        "A count and the message's length disagree.",
        "Look at the counting field: the receiver trusts either it or the length, and one of them is wrong.";
    SizeTrailing = "size.trailing", Warn, Guest,
        "{a} bytes follow where the message should end",
        "The sender's structure is longer than the public one, or a count is too low.",
        "Look at the bytes: a newer version may have appended fields.";
    SizeReplyShort = "size.reply_short", Error, Host,
        "the reply has {b} bytes, the driver expects {a}: the call fails with -EOVERFLOW (-75)",
        "The host answered with less than the request's reply takes, often with a bare status. The driver copies nothing and folds the true status into -75.",
        "Read the status in the bytes that did come: it is the host's real answer.";
    SizeReplyLong = "size.reply_long", Note, Host,
        "the reply has {a} bytes more than the driver reads",
        "The host sends more than the guest knows of; the driver ignores it.",
        "Nothing, unless the bytes matter: a newer host may have appended fields.";
    SizeReplyRoom = "size.reply_room", Warn, Guest,
        "the driver made room for {b} bytes, the protocol's reply takes {a}",
        "The driver's idea of the reply differs from the public one.",
        "Compare the driver's structure with docs/protocol.md.";
    CountArray = "count.array", Note, Library,
        "{part} is {a}, but its array has room for {b}",
        "The driver does not limit this count of the application; the host must.",
        "Only the entries inside of the array mean something.";
    ReservedNonzero = "reserved.nonzero", Note, Guest,
        "{part} is reserved, but holds {a:x}",
        "Unused in every public version: a newer version gave it a meaning, or memory that was not cleared is sent.",
        "Harmless as far as is known; if it comes from a released driver or host, report it.";
    PaddingNonzero = "padding.nonzero", Warn, Guest,
        "{a} bytes of padding at offset {at} are not zero: guest memory leaks to the host",
        "The driver sends a buffer that it did not clear.",
        "Look at the bytes; clear the buffer in the driver.";
    PaddingUser = "padding.user", Chat, Library,
        "{a} bytes of padding at offset {at} hold memory of the application",
        "The driver copies the ioctl structure whole, and the application did not clear it.",
        "Harmless for the protocol; the application shows a few bytes of its memory to the host.";
    FlagUnknown = "flag.unknown", Note, Library,
        "{part} has bits {a:x} without a name",
        "Applications' flags pass unchecked; newer libraries know more of them.",
        "If the request fails, try without these bits.";
    EnumUnknown = "enum.unknown", Note, Library,
        "{part} is {a}, which has no name",
        "Applications' values pass unchecked; newer libraries know more of them.",
        "If the request fails, this may be why.";
    BoolValue = "bool.value", Note, Guest,
        "{part} is {a}, neither 0 nor 1",
        "A truth value that was not cleared or was cut from a wider one.",
        "Harmless where the receiver asks only for zero or not.";
    ValueUnusual = "value.unusual", Note, Guest,
        "{part} is {a:x}, where every public driver sends {b:x}",
        "The driver differs from the public ones.",
        "Note the driver's version.";
    ValueRange = "value.range", Warn, Guest,
        "{part} is {a}, beyond the limit of {b} that the public driver keeps",
        "The driver checks this before it sends; this one does not.",
        "Note the driver's version; the host may refuse the request.";
    ReplyOrphan = "reply.orphan", Error, Host,
        "transaction {a} was never asked on this channel",
        "The host answers a request that was not made, or gives a wrong id. The driver logs that it found nothing to complete and drops the reply; the true request stays unanswered.",
        "Look for a request on the same channel that is never answered: its reply may be this one.";
    ReplyDuplicate = "reply.duplicate", Error, Host,
        "transaction {a} was answered already (request in packet {b})",
        "The host answers twice. The driver drops the second reply.",
        "Compare the two replies; the first one counted.";
    ReplyUnwanted = "reply.unwanted", Error, Host,
        "a reply to transaction {a}: a message that wants none",
        "In async mode some messages go without a reply; the host answered one all the same. The driver drops it.",
        "Nothing breaks, but host and guest disagree about async mode.";
    ReplyBeforeCapture = "reply.before_capture", Chat, Capture,
        "transaction {a} was asked before the capture began",
        "The capture was started while the driver was working.",
        "Start the capture earlier to see the request.";
    ReplyInGap = "reply.in_gap", Note, Capture,
        "the request of transaction {a} may be among the lost packets",
        "Packets were lost before this reply.",
        "Nothing is known of the request; see capture.lost.";
    TransactionReused = "transaction.reused", Warn, Guest,
        "transaction {a} is used again while {part} in packet {b} waits for it",
        "Ids are used once in the life of a channel: the channel was closed and opened again, or packets are missing.",
        "Look for a restart of the driver between the two packets.";
    SendRefused = "send.refused", Error, Transport,
        "{part} was not sent: the send function returned -{a} after {b} refused attempts",
        "-11 (EAGAIN): the ring to the host stayed full, so the host does not read. -19 (ENODEV): the channel was revoked.",
        "Look at what the host was asked last, and whether its answers stopped.";
}

impl Code {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        self.description().word
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        self.description().severity
    }

    /// The code with that word.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}
