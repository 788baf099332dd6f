//! The list of finding codes, each with its parameters, meaning, severity,
//! layer and advice.
//!
//! An entry of the list is
//!
//! ```text
//! Name = "code.word", Severity, Layer, (PART) { PARAMETERS }
//!     "sentence", "cause", "next step";
//! ```
//!
//! The part is the field, array or message that the finding is about: a
//! constant, or a name with an example, as in `(field = "flags")`. Each of the
//! parameters, at most four, has a name, a type and an example. The sentence is
//! a format string of these names and of `at`, the finding's offset; the
//! compiler refuses a name that does not exist and warns of one that is left
//! out.

use std::fmt::{self, Display};

use super::parameters::{
    ByteCount, ChannelType, CommandNumber, EndedIn, ErrorNumber, EventNumber, FenceHandle,
    FieldBits, FieldNumber, HandleValue, HeaderBit, InterfaceVersion, ItemCount, Milliseconds,
    Notation, ObjectCount, PacketNumber, PacketType, Parameter, RepeatCount, Seconds, SignalPacket,
    StatusCode, TransactionId,
};
use super::severity::{Layer, Severity};

/// The description of a code.
#[derive(Debug)]
pub struct CodeDescription {
    /// The stable word, as used in text, JSON, filters, Wireshark and exit
    /// conditions.
    pub word: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// The layer that it is about.
    pub layer: Layer,
    /// The name of the part in the sentence; `None` if the part is constant.
    pub part: Option<&'static str>,
    /// The other parameters.
    pub parameters: &'static [ParameterDescription],
    /// The format string of the sentence.
    pub template: &'static str,
    /// Why this happens.
    pub cause: &'static str,
    /// What to do next.
    pub next: &'static str,
}

/// A parameter of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDescription {
    /// Its name in the sentence and in JSON.
    pub name: &'static str,
    /// How it is written.
    pub notation: Notation,
}

/// Maximum number of parameters of a finding, besides its part.
pub const MAX_PARAMETERS: usize = 4;

/// Pads the numbers of a finding's parameters with 0.
const fn padded<const N: usize>(numbers: [u64; N]) -> [u64; MAX_PARAMETERS] {
    const { assert!(N <= MAX_PARAMETERS, "too many parameters") };
    let mut all = [0; MAX_PARAMETERS];
    let mut i = 0;
    while i < N {
        all[i] = numbers[i];
        i += 1;
    }
    all
}

macro_rules! codes {
    (@name $constant:literal) => { None };
    (@name $part:ident) => { Some(stringify!($part)) };
    ($at:ident;
     $($name:ident = $word:literal, $severity:ident, $layer:ident,
       ($($constant:literal)? $($part:ident = $example_part:literal)?)
       { $($param:ident: $Type:ident = $example:expr),* }
       $template:literal, $cause:literal, $next:literal;)*) => {
        /// The kind of a finding, without its parameters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $template] $name,)*
        }

        /// The kind of a finding, with its parameters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FindingKind {
            $(
                #[doc = $template]
                $name {
                    $(#[doc = concat!("`", stringify!($part), "` in the sentence.")]
                    $part: &'static str,)?
                    $(#[doc = concat!("`", stringify!($param), "` in the sentence.")]
                    $param: $Type,)*
                },
            )*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its description.
            pub const fn description(self) -> &'static CodeDescription {
                match self {
                    $(Self::$name => &CodeDescription {
                        word: $word,
                        severity: Severity::$severity,
                        layer: Layer::$layer,
                        part: codes!(@name $($constant)? $($part)?),
                        parameters: &[$(ParameterDescription {
                            name: stringify!($param),
                            notation: <$Type as Parameter>::NOTATION,
                        },)*],
                        template: $template,
                        cause: $cause,
                        next: $next,
                    },)*
                }
            }

            /// An example of this kind, for the documentation.
            pub const fn example(self) -> FindingKind {
                match self {
                    $(Self::$name => FindingKind::$name {
                        $($part: $example_part,)?
                        $($param: $Type($example),)*
                    },)*
                }
            }
        }

        impl FindingKind {
            /// The code.
            pub const fn code(&self) -> Code {
                match self {
                    $(Self::$name { .. } => Code::$name,)*
                }
            }

            /// The field, array or message that the finding is about.
            pub const fn part(&self) -> &'static str {
                match self {
                    $(Self::$name { $($part,)? .. } => $($constant)? $($part)?,)*
                }
            }

            /// The parameters as plain numbers, in the order of the
            /// description; 0 for those that the code does not have.
            pub fn numbers(&self) -> [u64; MAX_PARAMETERS] {
                match self {
                    $(Self::$name { $($param,)* .. } => padded([$($param.number(),)*]),)*
                }
            }

            /// The kind that [`code`](Self::code), [`part`](Self::part) and
            /// [`numbers`](Self::numbers) give these values of.
            #[allow(unused_variables, reason = "constant parts and codes without parameters")]
            pub fn from_numbers(
                code: Code,
                part: &'static str,
                numbers: [u64; MAX_PARAMETERS],
            ) -> Self {
                let mut numbers = numbers.into_iter();
                match code {
                    $(Code::$name => Self::$name {
                        $($part: part,)?
                        $($param: $Type::from_number(numbers.next().unwrap_or_default()),)*
                    },)*
                }
            }

            /// Writes the sentence of a finding about the element `index` at
            /// the offset `at`.
            pub(super) fn write_sentence(
                self,
                f: &mut fmt::Formatter<'_>,
                index: Option<u32>,
                $at: u32,
            ) -> fmt::Result {
                match self {
                    $(Self::$name { $($part,)? $($param,)* } => {
                        $(let $part = ElementName { name: $part, index };)?
                        write!(f, $template)
                    })*
                }
            }
        }
    };
}

/// The name of the part in a sentence, with the index of the element.
struct ElementName {
    name: &'static str,
    index: Option<u32>,
}

impl Display for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

codes! {
    at;

    FramingShort = "framing.short", Error, Host, ("command header") { needed: ByteCount = 24, present: ByteCount = 16 }
        "{present} bytes hold no command header, which takes {needed}",
        "The sender wrote less than a header. The driver drops such a packet with an error in the kernel log.",
        "Look at which side sent it: from the host, the host's service is at fault; from the guest, the driver build.";
    FramingForeign = "framing.foreign", Error, Guest, ("first word") { word: FieldBits = 0x20 }
        "the message begins with {word}, neither 0 (command header) nor 16 (extended header)",
        "The guest speaks a format that is not public, or the packet is not of this protocol.",
        "Compare the driver's version with docs/protocol.md; report the packet if the driver is a released one.";
    PacketType = "packet.type", Error, Host, ("packet") { packet_type: PacketType = 9 }
        "VMBus packet type {packet_type} has no meaning in this protocol",
        "Only types 6 (in-band) and 11 (completion) are used. The driver logs and drops others; drivers before 2022 handled them as in-band.",
        "A type beyond these from a released host is a protocol change: keep the capture and report it.";
    PacketDirection = "packet.direction", Error, Guest, (part = "completion") {}
        "the {part} goes the wrong way",
        "Completions come from the host only; each numbering belongs to one direction.",
        "The sender is faulty, or the channel was mistaken for another.";
    PacketCompletionFlag = "packet.completion_flag", Error, Guest, ("packet") { completion_flag: HeaderBit = false, async_bit: HeaderBit = false }
        "the packet's completion flag is {completion_flag}, but the message's async bit is {async_bit}",
        "A message without the async bit asks for a completion, one with it does not. Here they disagree: one side waits for a reply that does not come, or sends one that nobody takes.",
        "Look at the driver build: it sets both in one place.";
    ChannelWrong = "channel.wrong", Error, Host, (set = "global") {}
        "a {set} message is sent on a channel of another kind",
        "Messages about the virtual machine and from the host use the global channel only.",
        "Check that the captured interface type of the channel is right; if it is, the sender is faulty.";
    ChannelType = "channel.type", Error, Guest, ("channel_type") { channel_type: ChannelType = 3 }
        "channel type {channel_type} is unknown",
        "The header's channel type is 0 (vGPU), 1 (global) or 2 (host) in every known version.",
        "The sender is newer than this program or faulty.";
    AsyncUnexpected = "async.unexpected", Error, Guest, (message = "create_allocation") {}
        "{message} is sent without a reply, which the protocol knows only of submissions, signals and waits",
        "In async mode four messages have no reply; all others keep theirs.",
        "Look at the driver build.";
    CommandUnknown = "command.unknown", Error, Guest, (set = "vgpu") { command: CommandNumber = 1200 }
        "command {command} has no name in the {set} set",
        "The number is not in any public version of the protocol.",
        "The sender is newer than this program: report the number with the driver's and host's versions.";
    EventUnexpected = "event.unexpected", Note, Host, (message = "send_wnf_notification") {}
        "the host sends {message}, which no public driver asks for",
        "The message is named, but its content is not public. Drivers do nothing with it; some log \"unexpected host message\".",
        "Harmless as far as is known. Note the versions of host and driver.";
    EventAsksReply = "event.asks_reply", Warn, Host, (message = "signal_guest_event") {}
        "the host asks for a completion of {message}, which the driver never sends",
        "Completions come from the host only. The host's service waits for something that does not come, or sets the flag by mistake.",
        "Look at the host.";
    CommandUnsent = "command.unsent", Note, Guest, (message = "signal_fence") {}
        "{message} is named, but no public driver sends it",
        "A driver that sends it is modified or newer; the content of the message is not public.",
        "Note the driver's version; the body is shown as bytes.";
    SizeShort = "size.short", Error, Guest, (part = "alloc_count") { needed: ByteCount = 4, present: ByteCount = 2 }
        "{part} takes {needed} bytes from offset {at}, but {present} are there",
        "The message is shorter than its structure. The receiver refuses it or reads past its end.",
        "Compare the driver's structure with docs/protocol.md: an out-of-tree build may have changed it.";
    CountBeyondEnd = "count.beyond_end", Error, Guest, (part = "allocations") { needed: ByteCount = 64, present: ByteCount = 24 }
        "{part} takes {needed} bytes from offset {at} by its count, but {present} are there",
        "A count and the message's length disagree.",
        "Look at the counting field: the receiver trusts either it or the length, and one of them is wrong.";
    SizeTrailing = "size.trailing", Warn, Guest, ("message") { trailing: ByteCount = 8 }
        "{trailing} bytes follow where the message should end",
        "The sender's structure is longer than the public one, or a count is too low.",
        "Look at the bytes: a newer version may have appended fields.";
    SizeReplyShort = "size.reply_short", Error, Host, ("reply") { needed: ByteCount = 87, present: ByteCount = 16 }
        "the reply has {present} bytes, the driver expects {needed}",
        "The host sent less than the whole reply, often only a status. The driver copies nothing. What the ioctl returned depends on the call; its own record says it.",
        "If status.bare stands beside it, go by the status that it names: that is the host's real reply. If not, the host gave no reason.";
    SizeReplyLong = "size.reply_long", Note, Host, ("reply") { trailing: ByteCount = 8 }
        "the reply has {trailing} bytes more than the driver reads",
        "The host sends more than the guest knows of; the driver ignores it.",
        "Nothing, unless the bytes matter: a newer host may have appended fields.";
    SizeReplyRoom = "size.reply_room", Warn, Guest, ("reply") { needed: ByteCount = 16, present: ByteCount = 8 }
        "the driver made room for {present} bytes, the protocol's reply takes {needed}",
        "The driver's structure of the reply differs from the public one.",
        "Compare the driver's structure with docs/protocol.md.";
    CountArray = "count.array", Note, Library, (field = "num_primaries") { count: FieldNumber = 20, room: ItemCount = 16 }
        "{field} is {count}, but its array has room for {room}",
        "The driver does not limit this count of the application; the host must.",
        "Only the entries inside the array have a meaning.";
    ReservedNonzero = "reserved.nonzero", Note, Guest, (field = "ext.reserved") { bits: FieldBits = 0x1 }
        "{field} is reserved, but holds {bits}",
        "Unused in every public version: either a newer version gave it a meaning, or memory was sent that was not cleared.",
        "Harmless as far as is known; if it comes from a released driver or host, report it.";
    PaddingNonzero = "padding.nonzero", Warn, Guest, ("padding") { dirty: ByteCount = 4 }
        "{dirty} bytes of padding at offset {at} are not zero: guest memory leaks to the host",
        "The driver sends a buffer that it did not clear.",
        "Look at the bytes; clear the buffer in the driver.";
    PaddingUser = "padding.user", Chat, Library, ("padding") { dirty: ByteCount = 4 }
        "{dirty} bytes of padding at offset {at} hold memory of the application",
        "The driver copies the ioctl structure whole, and the application did not clear it.",
        "Harmless for the protocol; the application shows a few bytes of its memory to the host.";
    FlagUnknown = "flag.unknown", Note, Library, (field = "flags") { bits: FieldBits = 0x8000 }
        "{field} has bits {bits} without a name",
        "Applications' flags pass unchecked; newer libraries know more of them.",
        "If the request fails, try without these bits.";
    EnumUnknown = "enum.unknown", Note, Library, (field = "type") { value: FieldNumber = 99 }
        "{field} is {value}, which has no name",
        "Applications' values pass unchecked; newer libraries know more of them.",
        "If the request fails, this may be why.";
    BoolValue = "bool.value", Note, Guest, (field = "in_process") { value: FieldNumber = 2 }
        "{field} is {value}, neither 0 nor 1",
        "A boolean that was not cleared, or was truncated from a wider type.",
        "Harmless if the receiver only tests for zero.";
    ValueUnusual = "value.unusual", Note, Guest, (field = "command_id") { bits: FieldBits = 0x1, usual: FieldBits = 0x0 }
        "{field} is {bits}, where every public driver sends {usual}",
        "The driver differs from the public ones.",
        "Note the driver's version.";
    ValueRange = "value.range", Warn, Guest, (field = "alloc_count") { value: FieldNumber = 20000, limit: FieldNumber = 10240 }
        "{field} is {value}, beyond the limit of {limit} that the public driver keeps",
        "The driver checks this before it sends; this one does not.",
        "Note the driver's version; the host may refuse the request.";
    ReplyOrphan = "reply.orphan", Error, Host, ("reply") { transaction: TransactionId = 57 }
        "transaction {transaction} was never requested on this channel",
        "The host replies to a request that was not made, or uses a wrong id. The driver logs that it found nothing to complete and drops the reply; the actual request stays unanswered.",
        "Look for a request on the same channel that is never answered: its reply may be this one.";
    ReplyDuplicate = "reply.duplicate", Error, Host, ("reply") { transaction: TransactionId = 57, request: PacketNumber = 112 }
        "transaction {transaction} was answered already (request in packet {request})",
        "The host replies twice. The driver drops the second reply.",
        "Compare the two replies; the first one counted.";
    ReplyUnwanted = "reply.unwanted", Error, Host, ("reply") { transaction: TransactionId = 0 }
        "a reply to transaction {transaction}: a message that needs none",
        "In async mode some messages have no reply; the host sent one anyway. The driver drops it.",
        "Nothing breaks, but host and guest disagree about async mode.";
    ReplyBeforeCapture = "reply.before_capture", Chat, Capture, ("reply") { transaction: TransactionId = 57 }
        "transaction {transaction} was requested before the capture began",
        "The capture was started while the driver was working.",
        "Start the capture earlier to see the request.";
    ReplyInGap = "reply.in_gap", Note, Capture, ("reply") { transaction: TransactionId = 57 }
        "the request of transaction {transaction} may be among the lost packets",
        "Packets were lost before this reply.",
        "Nothing is known of the request; see capture.lost.";
    TransactionReused = "transaction.reused", Warn, Guest, (message = "evict") { transaction: TransactionId = 57, request: PacketNumber = 112 }
        "transaction {transaction} is used again while {message} in packet {request} waits for it",
        "An id is used once while a channel is open: the channel was closed and reopened, or packets are missing.",
        "Look for a restart of the driver between the two packets.";
    SendRefused = "send.refused", Error, Transport, (message = "submit_command") { errno: ErrorNumber = 11, attempts: ItemCount = 3, length: ByteCount = 126992 }
        "{message} of {length} bytes was not sent: the send function returned {errno} after {attempts} refused attempts",
        "-11 (EAGAIN): the ring to the host had no room for the message. -19 (ENODEV): the channel was revoked.",
        "send.host_reads says whether the host answered other requests at that time. If it is not there, look at the last replies before this packet.";
    SendHostReads = "send.host_reads", Note, Transport, ("ring") { answered: RepeatCount = 21, processes: RepeatCount = 3, within_ms: Milliseconds = 100 }
        "the host answered {answered} other requests on this channel within the same {within_ms} ms, so it does read; processes that sent there: {processes}",
        "The ring to the host is too small for this message while other messages are under way: a list of pages needs nearly the whole ring free at once.",
        "Run fewer processes on the GPU at a time, or pin smaller buffers at a time.";
    ReplyMissing = "reply.missing", Error, Host, (message = "make_resident") { waited_s: Seconds = 30 }
        "{message} was not answered in the {waited_s} s until the end of the capture",
        "The host took the request and never replied, or the driver lost the reply. Nothing in the capture shows that the calling thread went on: it waits in the kernel, often unkillably.",
        "Look at the last exchanges before it, and whether any later request on the channel was answered; check the host's event log for a reset of the GPU.";
    ReplyPending = "reply.pending", Chat, Capture, (message = "make_resident") {}
        "{message} was still waiting for its reply when the capture ended",
        "The capture was stopped in between, or packets were lost since.",
        "Nothing, unless the capture was stopped because of a hang: then this is what it waits for.";
    ReplyNotSeen = "reply.not_seen", Chat, Capture, (message = "make_resident") {}
        "the reply to {message} is not in the capture, but its thread went on",
        "The end of the ioctl or process, a later request of the thread, or a loss of packets shows that nobody waits for it any more, or that the reply may be lost.",
        "Nothing: the capture missed the reply. See capture.lost.";
    ReplyGivenUp = "reply.given_up", Warn, Host, (message = "make_resident") { waited_s: Seconds = 12, wait_end: PacketNumber = 112 }
        "{message} was not answered in the {waited_s} s until a signal ended the wait (packet {wait_end})",
        "The host took the request and did not reply before the thread was killed or interrupted.",
        "Look at the last exchanges before it, and whether any later request on the channel was answered; check the host's event log for a reset of the GPU.";
    WaitInterrupted = "wait.interrupted", Chat, Library, (message = "make_resident") { waited_ms: Milliseconds = 120, wait_end: PacketNumber = 112 }
        "a signal ended the wait for the reply to {message} after {waited_ms} ms (packet {wait_end})",
        "The thread was killed or interrupted shortly after it had sent the request. The host had no time to reply.",
        "Nothing, if somebody stopped the program.";
    ReplyLate = "reply.late", Warn, Guest, (message = "create_allocation") { request: PacketNumber = 112 }
        "the reply to {message} (packet {request}) comes after its thread has stopped waiting",
        "The waiting thread was killed or interrupted. The driver finds no waiter for the reply, logs that, and drops it; what the host created stays until the process ends.",
        "Look for the signal that ended the wait, and for what the host did in the meantime.";
    ReplySlow = "reply.slow", Note, Host, (message = "make_resident") { took_ms: Milliseconds = 80 }
        "{message} took {took_ms} ms to be answered",
        "The host was busy with the request, or was not scheduled.",
        "Compare with other replies at the same time: if all are slow, the host or its GPU is under load.";
    ChannelReopened = "channel.reopened", Chat, Transport, ("channel") { unanswered: ItemCount = 2 }
        "transaction ids start again at 1: the channel was reopened; {unanswered} earlier requests stay unanswered",
        "The driver was loaded again, or the virtual GPU was removed and came back.",
        "The earlier objects are gone; look for what closed the channel.";
    ChannelRescinded = "channel.rescinded", Warn, Host, ("channel") { objects: ItemCount = 12, processes: ItemCount = 1 }
        "the host takes the device away; open objects: {objects}, processes: {processes}",
        "The host has rescinded its offer of the device: the GPU was reset, updated or removed, or the virtual machine is being changed. The driver closes the channel, and ioctls that need it return -19 (ENODEV).",
        "Look at the Windows event log for this time. Every process that used the virtual GPU has to open it again.";
    ChannelClosed = "channel.closed", Note, Transport, ("channel") { objects: ItemCount = 12, processes: ItemCount = 1 }
        "the driver closes the channel; open objects: {objects}, processes: {processes}",
        "The driver stops the device: it is being unloaded or unbound, or the host has taken the device away, which this capture does not show.",
        "Look at the kernel log for what stopped the device.";
    ChannelUnanswered = "channel.unanswered", Note, Transport, ("channel") { unanswered: ItemCount = 2 }
        "requests on the channel that were unanswered when it was closed: {unanswered}",
        "The channel was closed while threads waited for replies. The host owes no reply on a closed channel.",
        "Look for what closed the channel.";
    ChannelOpenFailed = "channel.open_failed", Warn, Transport, ("channel") { errno: ErrorNumber = 12 }
        "opening the channel failed with {errno}: the device cannot be used",
        "The kernel did not get memory for the ring, the host did not map the ring's pages (GPADL), or it refused to open the channel.",
        "Look at the kernel log for lines of hv_vmbus at this time; dxgtrace explain reads them.";
    ChannelCallsFailed = "channel.calls_failed", Note, Transport, ("channel") { calls: ItemCount = 3, last: PacketNumber = 140 }
        "ioctls that returned -19 (ENODEV) since the device went away here: {calls}, the latest in packet {last}",
        "The driver refuses what needs a device that is gone.",
        "Nothing more is wrong with these calls.";
    ChannelGone = "channel.gone", Note, Transport, ("channel") { last: PacketNumber = 112, objects: ItemCount = 12 }
        "a conclusion: the virtual GPU went away after packet {last}, its latest message; open objects: {objects}",
        "This ioctl returned -19 (ENODEV) without sending a message, and no message of the virtual GPU follows. No record tells how its channel was closed.",
        "Look at the Windows event log for the time between the two packets. A capture in which the channel's life is recorded shows when and by whom.";
    VersionIncompatible = "version.incompatible", Error, Host, ("interface version") { version: InterfaceVersion = 27, required: InterfaceVersion = 40 }
        "one side speaks interface version {version}, the other needs at least {required}; the driver does not check",
        "Host and driver are not compatible. The driver ignores the versions in the reply and goes on anyway.",
        "Use a driver build of the host's generation.";
    VersionHostNewer = "version.host_newer", Note, Host, ("interface version") { host: InterfaceVersion = 41, driver: InterfaceVersion = 40 }
        "the host speaks interface version {host}, the driver {driver}",
        "The host is newer; it must follow the driver's version.",
        "Nothing, as long as requests succeed.";
    VersionContradicts = "version.contradicts", Warn, Host, ("interface version") { host: InterfaceVersion = 27, driver: InterfaceVersion = 40 }
        "the host replies with interface version {host} where the driver declared {driver}; the driver does not check",
        "Version 40 and later have other headers and lengths. The driver goes by its own version, the host perhaps by its own.",
        "Check the version that the virtual GPU shows in its PCI configuration space (offset 208).";
    VersionFallback = "version.fallback", Note, Guest, ("interface version") { driver: InterfaceVersion = 27 }
        "the driver uses interface version {driver}: the old format, without the extended header",
        "The version register in the PCI configuration space reads 0 or less than 40: an old host, or one that hides it.",
        "Nothing, on a host of that age. On a newer one, several virtual GPUs cannot be told apart in async mode.";
    VersionFraming = "version.framing", Error, Guest, (message = "create_device") { shown: InterfaceVersion = 27, declared: InterfaceVersion = 40 }
        "{message} has the headers of version {shown}, but version {declared} was declared",
        "The driver sends one format and declares another; the host reads the wrong bytes.",
        "Look at the driver build: out-of-tree versions mix generations.";
    StatusFailed = "status.failed", Warn, Host, (message = "make_resident") { status: StatusCode = 0xC000_0017, errno: ErrorNumber = 12 }
        "{message} failed with {status}; the driver returns {errno}",
        "The host refused the request and gives this reason.",
        "Read what the status means (dxgtrace explain), and the request's fields.";
    StatusUnmapped = "status.unmapped", Warn, Host, (message = "lock_allocation") { status: StatusCode = 0xC01E_0101, errno: ErrorNumber = 22 }
        "{message} failed with {status}, which the driver does not know and folds to {errno}",
        "The driver has no case for this status: the application sees an invalid argument, whatever the true reason.",
        "Go by the status, not by the errno.";
    StatusByHandle = "status.by_handle", Warn, Host, (message = "create_device") {}
        "{message} failed: the host gives no handle and no reason",
        "The reply has no status; a handle of 0 is the only sign of failure. Some ioctls return success anyway.",
        "Look at what the same process was refused before, and at the host's memory.";
    StatusBare = "status.bare", Note, Host, (message = "create_allocation") { status: StatusCode = 0xC000_0017 }
        "the short reply to {message} carries {status}",
        "The host refuses with a status alone where the driver expects a whole reply. The driver reads nothing of it: what the application and the kernel log see says nothing of the reason.",
        "Go by this status (dxgtrace explain): no buffer is too small.";
    FailurePassed = "failure.passed", Note, Host, (message = "create_allocation") { failed: RepeatCount = 4, before: RepeatCount = 3, after: RepeatCount = 5, gap_ms: Milliseconds = 500 }
        "the same request of the same process worked again {gap_ms} ms after the last failure: {failed} {message} failed, {before} of the same size on the same channel were answered whole before and {after} after that; it passed by itself",
        "The host failed these requests for a reason of the moment: memory, load, or the state of the GPU. The request as such is one that it fulfils.",
        "Look at what happened on the host at that time. For a lack of memory, look at the Windows commit limit (page file, vmmemWSL; event 2004 of Resource-Exhaustion-Detector) besides the video memory budget. A program can try again.";
    StatusProbe = "status.probe", Note, Host, (message = "query_adapter_info") { status: StatusCode = 0xC000_00BB, errno: ErrorNumber = 1 }
        "{message}: the host replies {status}; the driver returns {errno}",
        "Libraries ask for features that a host need not have, and go on without them. The kernel log shows it as a failed ioctl.",
        "Harmless, unless nothing else works either.";
    StatusVital = "status.vital", Error, Host, (message = "open_adapter") { status: StatusCode = 0xC000_00BB, errno: ErrorNumber = 1 }
        "{message} failed with {status}: without it the driver cannot go on ({errno})",
        "The host refuses the start of the driver, of a virtual GPU or of a process.",
        "Check the host: is GPU paravirtualization on for this virtual machine, is the GPU's driver running?";
    IoctlRefused = "ioctl.refused", Note, Guest, (ioctl = "D3DKMTCreateAllocation2") { errno: ErrorNumber = 22 }
        "{ioctl} returned {errno} without sending a message",
        "The driver refused the call itself: an argument, a handle, a size, or memory that it could not read.",
        "Look at the call's arguments in the application, and at the kernel log.";
    IoctlAdapterGone = "ioctl.adapter_gone", Warn, Host, (ioctl = "D3DKMTDestroyContext") { errno: ErrorNumber = 19 }
        "{ioctl} returned {errno} without sending a message: the virtual GPU is gone",
        "The host took the virtual GPU away: its channel was closed, or the adapter is being stopped. No argument of the call is at fault.",
        "Look at the Windows event log for a reset, an update or a removal of the GPU at this time; a new process has to open the adapter again.";
    AdapterOpenObjects = "adapter.open_objects", Note, Host, ("adapter") { devices: ObjectCount = 1, contexts: ObjectCount = 2, queues: ObjectCount = 1, allocations: ObjectCount = 12 }
        "this process had open when the virtual GPU went away, as far as the capture shows: devices {devices}, contexts {contexts}, queues {queues}, allocations {allocations}",
        "The driver returns -19 (ENODEV) once the virtual GPU is gone. What the process had open on it is lost.",
        "The process has to open the adapter and create its objects again. ioctl.adapter_gone lists the calls that failed after.";
    IoctlForeignFile = "ioctl.foreign_file", Note, Library, (ioctl = "D3DKMTEnumAdapters2") { errno: ErrorNumber = 25 }
        "{ioctl} returned {errno} without sending a message: the driver does not take it from this process",
        "Either the process uses a descriptor of /dev/dxg that another process opened, mostly inherited over fork, or the library is newer than the driver and the driver does not know the ioctl.",
        "Look in the kernel log for \"Call from a wrong process\"; if it is there, open the GPU library after fork.";
    IoctlUnsendable = "ioctl.unsendable", Warn, Library, (ioctl = "D3DKMTEscape") { errno: ErrorNumber = 22 }
        "{ioctl} returned {errno}: its message was never sent, because the driver's send function refused it",
        "The message would be larger than a VMBus packet of this driver may be (128 KiB): the application passes too much data at once.",
        "Look at the size of the private data or list that the application passes.";
    IoctlNoObject = "ioctl.no_object", Warn, Guest, (ioctl = "D3DKMTCreateDevice") { request: PacketNumber = 112 }
        "{ioctl} returned success, but the reply to packet {request} gave no handle: the application holds the handle 0",
        "The host gave the handle 0, or its reply was too short to hold one. The driver does not check: the application believes that it has an object.",
        "Calls with the handle 0 that follow are consequences. Look at the reply's bytes, and at what the same process was refused before.";
    IoctlAfterSuccess = "ioctl.after_success", Warn, Guest, (ioctl = "D3DKMTCreateAllocation2") { errno: ErrorNumber = 14, messages: ItemCount = 1 }
        "{ioctl} returned {errno} although the host did all that it was asked to ({messages} messages)",
        "The driver failed after the host had succeeded: in most cases it could not write the result to the application's memory.",
        "Look at the pointers that the application passes, and at the kernel log.";
    IoctlNotTold = "ioctl.not_told", Note, Guest, (ioctl = "D3DKMTEscape") { status: StatusCode = 0xC000_000D, request: PacketNumber = 112 }
        "{ioctl} returned success although the host answered {status} to packet {request}",
        "The driver does not pass every failure on.",
        "Go by the status: the application believes that it succeeded.";
    IoctlOtherErrno = "ioctl.other_errno", Note, Guest, (ioctl = "D3DKMTMakeResident") { errno: ErrorNumber = 22, status: StatusCode = 0xC000_0017 }
        "{ioctl} returned {errno}, which is not what {status} of the host stands for",
        "The driver failed a second time, or maps this status differently from the reference driver.",
        "Go by the status, not by the errno; look at the driver build.";
    MemoryOverBudget = "memory.over_budget", Note, Host, (message = "make_resident") { over: ByteCount = 67108864, resident: ByteCount = 4294967296 }
        "by {message}, the process is {over} bytes over its budget; {resident} bytes of it are resident",
        "The host asks the process to give memory back. From here on the GPU pages, which is slow, and the next request may be refused.",
        "Look at how much each process has (dxgtrace stat); the budget shrinks when other programs on the host use the GPU.";
    MemoryRefused = "memory.refused", Note, Host, (message = "make_resident") { refused: ByteCount = 67108864, resident: ByteCount = 4294967296 }
        "{message} would have made {refused} more bytes resident; the process has {resident} bytes resident",
        "This is the request that exceeded the limit: the host gives this process no more, however much memory the GPU seems to have free.",
        "Look at how much each process has and what the host reported as the budget (dxgtrace stat).";
    ObjectUnknown = "object.unknown", Warn, Library, (field = "device") { handle: HandleValue = 0x4000_0080 }
        "{field} is {handle}, a handle that was never given out",
        "The application passes a number that it did not get from the driver, or one that a failed call left in memory. Lists of handles pass the driver unchecked.",
        "Look at where the application got it; on success of the call, look at the host.";
    ObjectWrongKind = "object.wrong_kind", Warn, Library, (field = "device") { handle: HandleValue = 0x4000_0080, created: PacketNumber = 112 }
        "{field} is {handle}, which is an object of another kind (created in packet {created})",
        "The application confuses handles. Lists of handles pass the driver unchecked.",
        "Look at the call's arguments in the application.";
    ObjectForeign = "object.foreign", Warn, Library, (field = "device") { handle: HandleValue = 0x4000_0080, owner: HandleValue = 0x4000_0040 }
        "{field} is {handle}, which means nothing in this process but an object in process {owner}",
        "Handles are numbers of one process. Sharing goes through file descriptors.",
        "Look at how the handle came into this process: a fork, or a message between processes.";
    ObjectAfterDestroy = "object.after_destroy", Warn, Library, (field = "device") { handle: HandleValue = 0x4000_0080, destroyed: PacketNumber = 112 }
        "{field} is {handle}, which was destroyed in packet {destroyed}",
        "One thread uses what another has destroyed, or the application keeps a stale handle.",
        "Look at who destroyed it, and at the order of the two.";
    ObjectDestroyedTwice = "object.destroyed_twice", Error, Guest, (field = "device") { handle: HandleValue = 0x4000_0080, destroyed: PacketNumber = 112 }
        "{field} is {handle}, which was destroyed already in packet {destroyed}",
        "The driver frees a handle before it tells the host, so this should not happen: its handle table is damaged, or two teardowns run at once.",
        "Look at the kernel log for handle table warnings around this time, and at which processes share the device file.";
    ObjectInUse = "object.in_use", Error, Host, (field = "device") { handle: HandleValue = 0x4000_0080, created: PacketNumber = 112 }
        "the host gives {field} the handle {handle}, which the object of packet {created} still has",
        "To the host the older object is gone. The driver cannot put the new one into its table.",
        "Look for what may have ended the older object on the host alone: a reset of the GPU.";
    ObjectLeaked = "object.leaked", Warn, Guest, (object = "device") { handle: HandleValue = 0x4000_0080, ended: PacketNumber = 112 }
        "{object} {handle} was not destroyed before its process ended in packet {ended}",
        "The driver flushes and destroys the devices of an exiting process itself; it missed this one. The host destroys it with the process.",
        "Look at how the process ended, and at the driver build.";
    ObjectLeftToDevice = "object.left_to_device", Warn, Guest, (object = "allocation") { handle: HandleValue = 0x4000_0080, created: PacketNumber = 112 }
        "{object} {handle} of packet {created} was not destroyed before its device",
        "The driver destroys allocations and resources before their device; it does not know of this one. Its creation was interrupted: the caller was killed, or the reply was short.",
        "Look at the call that created it.";
    ObjectHint = "object.hint", Note, Library, (field = "allocations") { handle: HandleValue = 0x4000_0080 }
        "{field} is {handle}, which names no such object",
        "The list is a hint for the scheduler. Libraries leave old handles in it, and the host ignores them.",
        "Harmless as far as is known.";
    EventStale = "event.stale", Warn, Host, (field = "event") { event: EventNumber = 2, end: EndedIn = 112 }
        "{field} {event} is signalled, but nobody waits for it: {end}",
        "The host signals an event twice, or one that it was never told of. The driver ignores it silently.",
        "Harmless by itself; but if a waiter hangs, this may be its signal with a wrong number.";
    EventMissing = "event.missing", Note, Host, ("event") { event: EventNumber = 2, waited_s: Seconds = 30 }
        "event {event} was not signalled in {waited_s} s, until its process or the capture ended",
        "The application has queued the event behind work of the GPU, which has not come so far.",
        "dxgtrace stat lists what was queued to each context; look at what stands before the event.";
    FenceNeverSignalled = "fence.never_signalled", Note, Library, (moment = "when a signal did") { fence: FenceHandle = 0x4000_0240, value: FieldNumber = 7, signal: SignalPacket = 112 }
        "the host had not ended a thread's wait for fence {fence} to reach {value} {moment}; {signal}",
        "The fence did not come. If a message asks for the value, its sender has done its part: the queue in which the signal stands, or the host, owes it. If none does, the application lacks a signal or submission, or a command buffer or another process was to signal the fence, which messages do not show.",
        "dxgtrace stat shows who is to signal the fence, and what that waits for in turn. If somebody stopped the program on purpose, the wait may have been right.";
    FencePolling = "fence.polling", Note, Library, ("fence") { fence: HandleValue = 0x4000_0240, waits: ItemCount = 500 }
        "{waits} waits of the CPU for fence {fence}, which was not seen to reach a higher value meanwhile",
        "The application waits for the same fence again and again, mostly with a short timeout: a fence that does not come, or a library that polls.",
        "Look at how often the same thread waits and for which value: dxgtrace stat shows who is to signal the fence.";
    FenceDeadlock = "fence.deadlock", Warn, Library, (waiter = "a context") { fence: HandleValue = 0x4000_0240, value: FieldNumber = 7 }
        "{waiter} waits for fence {fence} to reach {value}, whose signal is queued behind waits that only wait for each other",
        "Every signal that messages ask for stands in a queue behind a wait for another of these fences: the order of waits and signals is wrong, or a signal from the CPU lacks. Only a signal from the CPU or inside a command buffer can resolve this.",
        "dxgtrace stat shows who waits for whom, with the packets; look at which of the waits was queued too early.";
    QueueStalled = "queue.stalled", Note, Host, (kind = "context") { queue: HandleValue = 0x4000_0100, request: PacketNumber = 112 }
        "{kind} {queue} did not get to the signal of packet {request} while a thread waited for it",
        "What was queued before that signal is not finished: the GPU is still at work, it hangs, or the queue waits for another fence.",
        "dxgtrace stat shows what stands before the signal. If it is work only, look at the host for a timeout or reset of the GPU.";
    ContextFailedMidrun = "context.failed_midrun", Note, Host, (message = "create_context_virtual") { contexts: ItemCount = 2, submissions: ItemCount = 1000 }
        "{message} failed although the process had made contexts before ({contexts}) and worked with them (submissions: {submissions})",
        "The host takes no further context of a process that works already: a limit is reached, the GPU was reset, or the device is lost.",
        "Compare the request with those that succeeded; look at how many contexts exist (dxgtrace stat) and at the host for a reset of the GPU.";
    PointerNotEchoed = "pointer.not_echoed", Warn, Host, (field = "guest_pointer") { pointer: FieldBits = 0xffff_8880_1234_5000 }
        "{field} is {pointer}, which is no value that the guest announced",
        "The host must repeat this number unchanged. The driver compares it and ignores the message.",
        "Look at the host: device errors are not noticed this way.";
    CaptureLost = "capture.lost", Warn, Capture, ("capture") { lost: ItemCount = 120 }
        "{lost} packets are missing here",
        "The capture could not keep up. What depends on the missing packets is not checked.",
        "Capture with a larger buffer (-B), fewer processes (--pid) or shorter packets (-s).";
    CaptureCut = "capture.cut", Chat, Capture, ("packet") { captured: ByteCount = 128, length: ByteCount = 4096 }
        "{captured} of {length} bytes were captured",
        "The capture was made with a limit on the length (-s).",
        "The bytes beyond that are not checked.";
}

impl Code {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        self.description().word
    }

    /// Its severity.
    pub const fn severity(self) -> Severity {
        self.description().severity
    }

    /// The code with that word.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_example_survives_being_numbers() {
        for code in Code::ALL {
            let kind = code.example();
            assert_eq!(kind.code(), *code);
            let again = FindingKind::from_numbers(*code, kind.part(), kind.numbers());
            assert_eq!(again, kind);
        }
    }

    #[test]
    fn every_sentence_names_all_parameters() {
        for code in Code::ALL {
            let description = code.description();
            let names = description.parameters.iter().map(|one| one.name);
            for name in names.chain(description.part) {
                let place = format!("{{{name}}}");
                assert!(description.template.contains(&place), "{place}");
            }
        }
    }

    #[test]
    fn a_name_has_the_same_notation_in_every_code() {
        let mut notations = BTreeMap::new();
        for code in Code::ALL {
            for one in code.description().parameters {
                let notation = *notations.entry(one.name).or_insert(one.notation);
                assert_eq!(one.notation, notation, "{} of {}", one.name, code.word());
            }
        }
    }
}
