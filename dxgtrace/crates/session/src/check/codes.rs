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
    /// Breaks the protocol, or keeps the driver from working.
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
pub struct CodeDescription {
    /// The stable word: in text, JSON, filters, Wireshark and exit conditions.
    pub word: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Which layer it speaks of.
    pub layer: Layer,
    /// What happened, in a sentence. `{part}`, `{at}`, `{a}` and `{b}` stand
    /// for the finding's part, offset and numbers; `{a:x}` is hexadecimal,
    /// `{a:status}` a status by name, `{b:errno}` an errno by name, `{b:ended}`
    /// the packet that ended something, or 0.
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
            pub const fn description(self) -> &'static CodeDescription {
                match self {
                    $(Self::$name => &CodeDescription {
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
    ReplyMissing = "reply.missing", Error, Host,
        "{part} was not answered in the {a} s until the end of the capture",
        "The host took the request and never answered, or the driver lost the answer. The calling thread waits in the kernel, often unkillably.",
        "Look at the last exchanges before it, and whether the channel was answered at all after it; check the host's event log for a reset of the GPU.";
    ReplyPending = "reply.pending", Chat, Capture,
        "{part} was still waiting for its answer when the capture ended",
        "The capture was stopped in between, or packets were lost since.",
        "Nothing, unless the capture was stopped because of a hang: then this is what it waits for.";
    ReplyLate = "reply.late", Warn, Guest,
        "the answer to {part} (packet {b}) comes after its thread has gone on",
        "The waiting thread was killed or interrupted. The driver finds nobody to give the answer to, logs that, and drops it; what the host created stays until the process ends.",
        "Look for the signal that ended the wait, and for what the host did in the meantime.";
    ReplySlow = "reply.slow", Note, Host,
        "{part} took {a} ms to be answered",
        "The host was busy with it, or did not run.",
        "Compare with other answers at the same time: if all are slow, the host or its GPU is under load.";
    ChannelReopened = "channel.reopened", Chat, Transport,
        "transaction ids start again at 1: the channel was opened anew; {a} requests of before stay unanswered",
        "The driver was loaded again, or the virtual GPU was taken away and came back.",
        "Objects of before are gone; look for what ended the channel.";
    VersionIncompatible = "version.incompatible", Error, Host,
        "one side speaks interface version {a}, the other needs at least {b}; the driver does not look",
        "Host and driver do not fit together. The driver ignores the versions in the answer and goes on all the same.",
        "Use a driver build of the host's generation.";
    VersionHostNewer = "version.host_newer", Note, Host,
        "the host speaks interface version {a}, the driver {b}",
        "The host is newer; it has to keep to the driver's version.",
        "Nothing, as long as requests succeed.";
    VersionContradicts = "version.contradicts", Warn, Host,
        "the host answers interface version {a} where the driver declared {b}; the driver does not look",
        "Version 40 and later have other headers and lengths. The driver goes by its own version, the host perhaps by its own.",
        "Check the version that the virtual GPU shows in its PCI configuration space (offset 208).";
    VersionFallback = "version.fallback", Note, Guest,
        "the driver uses interface version {a}: the old format, without the extended header",
        "The version register in the PCI configuration space reads 0 or less than 40: an old host, or one that hides it.",
        "Nothing, on a host of that age. On a newer one, several virtual GPUs cannot be told apart in async mode.";
    VersionFraming = "version.framing", Error, Guest,
        "{part} has the headers of version {a}, but version {b} was declared",
        "The driver sends one format and declares another; the host reads the wrong bytes.",
        "Look at the driver build: out-of-tree versions mix generations.";
    StatusFailed = "status.failed", Warn, Host,
        "{part} failed with {a:status}; the driver makes {b:errno} of it",
        "The host refused the request and says why.",
        "Read what the status means (dxgtrace explain), and the request's fields.";
    StatusUnmapped = "status.unmapped", Warn, Host,
        "{part} failed with {a:status}, which the driver does not know and folds to {b:errno}",
        "The driver has no case for this status: the application sees an invalid argument, whatever the true reason.",
        "Go by the status, not by the errno.";
    StatusByHandle = "status.by_handle", Warn, Host,
        "{part} failed: the host gives no handle and no reason",
        "The answer has no status; a handle of 0 is all that tells of a failure. Some ioctls return success all the same.",
        "Look at what the same process was refused before, and at the host's memory.";
    StatusBare = "status.bare", Note, Host,
        "the short answer to {part} begins with {a:status}, which the driver hides behind {b:errno}",
        "The host refuses with a status alone where the driver expects a whole answer. The application and the kernel log see only an overflow.",
        "Go by this status (dxgtrace explain): no buffer is too small.";
    StatusProbe = "status.probe", Note, Host,
        "{part}: the host says {a:status}; the driver makes {b:errno} of it",
        "Libraries ask for much that a host need not have, and go on without it. The kernel log shows it as a failed ioctl.",
        "Harmless, unless nothing else works either.";
    StatusVital = "status.vital", Error, Host,
        "{part} failed with {a:status}: without it the driver cannot go on ({b:errno})",
        "The host refuses the start of the driver, of a virtual GPU or of a process.",
        "Check the host: is GPU paravirtualization on for this virtual machine, is the GPU's driver running?";
    IoctlRefused = "ioctl.refused", Note, Guest,
        "{part} returned {b:errno} without sending a message",
        "The driver found fault with the call itself: an argument, a handle, a size, or memory that it could not read.",
        "Look at the call's arguments in the application, and at the kernel log.";
    IoctlAfterSuccess = "ioctl.after_success", Warn, Guest,
        "{part} returned {b:errno} although the host did all that it was asked ({a} messages)",
        "The driver failed after the host had succeeded: in most cases it could not write the result to the application's memory.",
        "Look at the pointers that the application passes, and at the kernel log.";
    IoctlNotTold = "ioctl.not_told", Note, Guest,
        "{part} returned success although the host answered {a:status} to packet {b}",
        "The driver does not pass every failure on.",
        "Go by the status: the application believes that it succeeded.";
    IoctlOtherErrno = "ioctl.other_errno", Note, Guest,
        "{part} returned {b:errno}, which is not what {a:status} of the host stands for",
        "The driver failed twice, or makes something else of this status than the reference driver.",
        "Go by the status, not by the errno; look at the driver build.";
    MemoryOverBudget = "memory.over_budget", Note, Host,
        "by {part}, the process is {a} bytes over its budget; {b} bytes of it are resident",
        "The host asks the process to give memory back. From here on the GPU pages, which is slow, and the next request may be refused.",
        "Look at who has how much (dxgtrace stat); the budget shrinks when other programs on the host use the GPU.";
    MemoryRefused = "memory.refused", Note, Host,
        "{part} would have made {a} more bytes resident; the process has {b} bytes resident",
        "This is the request that crossed the line: the host gives this process no more, however much the GPU seems to have free.",
        "Look at who has how much and what the host said of the budget (dxgtrace stat).";
    ObjectUnknown = "object.unknown", Warn, Library,
        "{part} is {a:x}, a handle that was never given out",
        "The application passes a number that it did not get from the driver, or one that a failed call left in memory. Lists of handles pass the driver unchecked.",
        "Look at where the application got it; on success of the call, look at the host.";
    ObjectWrongKind = "object.wrong_kind", Warn, Library,
        "{part} is {a:x}, which is an object of another kind (created in packet {b})",
        "The application mixes handles up. Lists of handles pass the driver unchecked.",
        "Look at the call's arguments in the application.";
    ObjectForeign = "object.foreign", Warn, Library,
        "{part} is {a:x}, which means nothing in this process but an object in process {b:x}",
        "Handles are numbers of one process. Sharing goes through file descriptors.",
        "Look at how the handle came into this process: a fork, or a message between processes.";
    ObjectAfterDestroy = "object.after_destroy", Warn, Library,
        "{part} is {a:x}, which was destroyed in packet {b}",
        "One thread uses what another has destroyed, or the application keeps a stale handle.",
        "Look at who destroyed it, and at the order of the two.";
    ObjectDestroyedTwice = "object.destroyed_twice", Error, Guest,
        "{part} is {a:x}, which was destroyed already in packet {b}",
        "The driver forgets a handle before it tells the host, so that this should not happen: its handle table is damaged, or two teardowns run at once.",
        "Look at the kernel log for handle table warnings around this time, and at which processes share the device file.";
    ObjectInUse = "object.in_use", Error, Host,
        "the host gives {part} the handle {a:x}, which the object of packet {b} still has",
        "The host counts the older object as gone. The driver cannot put the new one into its table.",
        "Look for what may have ended the older object on the host alone: a reset of the GPU.";
    ObjectLeaked = "object.leaked", Warn, Guest,
        "{part} {a:x} was not destroyed before its process ended in packet {b}",
        "The driver flushes and destroys the devices of an ending process itself; this one it forgot. The host ends it with the process.",
        "Look at how the process ended, and at the driver build.";
    ObjectLeftToDevice = "object.left_to_device", Warn, Guest,
        "{part} {a:x} of packet {b} was not destroyed before its device",
        "The driver destroys allocations and resources before their device; this one it does not know of. Its creation was cut off in between: a killed caller, or a short answer.",
        "Look at the call that created it.";
    ObjectHint = "object.hint", Note, Library,
        "{part} is {a:x}, which names no such object",
        "The list is a hint for the scheduler. Libraries leave old numbers in it, and the host does without them.",
        "Harmless as far as is known.";
    EventStale = "event.stale", Warn, Host,
        "{part} {a} is signalled, but nobody waits for it: {b:ended}",
        "The host signals an event twice, or one that it was never told of. The driver ignores it silently.",
        "Harmless by itself; but if a waiter hangs, this may be its signal with a wrong number.";
    EventMissing = "event.missing", Note, Host,
        "{part} {a} was not signalled in the {b} s until the end of the capture",
        "A thread waits for a fence. Either nobody has asked the GPU to reach the value, or the GPU does not get there.",
        "dxgtrace stat says for which value of which fence it waits, and which was asked for last: a lower one means that the application or its library lacks a submission, the same or a higher one that the GPU or the host hangs.";
    PointerNotEchoed = "pointer.not_echoed", Warn, Host,
        "{part} is {a:x}, which is no value that the guest announced",
        "The host must repeat this number as it was given. The driver compares it and ignores the message.",
        "Look at the host: device errors are not noticed this way.";
    CaptureLost = "capture.lost", Warn, Capture,
        "{a} packets are missing here",
        "The capture could not keep up. What depends on the missing packets is not judged.",
        "Capture with a larger buffer (-B), fewer processes (--pid) or shorter packets (-s).";
    CaptureCut = "capture.cut", Chat, Capture,
        "{a} of {b} bytes were captured",
        "The capture was made with a limit on the length (-s).",
        "What lies beyond is not judged.";
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
