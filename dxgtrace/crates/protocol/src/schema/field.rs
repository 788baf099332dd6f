//! One value at a fixed place: its type, and what it must obey.

use super::slice::BitSlice;
use super::ty::{DriverEra, FieldType, ObjectKind};
use crate::schema::text::{same, stop};
use crate::schema::values::Flags;

/// A condition on a field: of the same part of the message, or of the request.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// The field that decides.
    pub field: &'static str,
    /// Which bits of it count.
    pub mask: u64,
    /// The masked values for which the condition holds.
    pub values: &'static [u64],
    /// Whether the field is one of the request, seen from its reply.
    pub of_request: bool,
    /// Where the field stands, if it is one of the same part or structure:
    /// [`fields`] looks it up.
    pub decider: Option<BitSlice>,
}

/// Holds if `field` has one of `values`.
pub const fn when(field: &'static str, values: &'static [u64]) -> When {
    When {
        field,
        mask: u64::MAX,
        values,
        of_request: false,
        decider: None,
    }
}

/// In a reply: holds if `field` of the request had one of `values`.
pub const fn when_request(field: &'static str, values: &'static [u64]) -> When {
    When {
        field,
        mask: u64::MAX,
        values,
        of_request: true,
        decider: None,
    }
}

/// Holds if the bit `bit` of `field` is set.
pub const fn when_set(field: &'static str, set: &'static Flags, bit: &str) -> When {
    match set.find(bit) {
        Some(bit) => When {
            field,
            mask: bit.mask(),
            values: SET[bit.shift as usize],
            of_request: false,
            decider: None,
        },
        None => stop(field, "has no bit", bit),
    }
}

/// Holds if the bit `bit` of `field` is clear.
pub const fn when_clear(field: &'static str, set: &'static Flags, bit: &str) -> When {
    match set.find(bit) {
        Some(bit) => When {
            field,
            mask: bit.mask(),
            values: &[0],
            of_request: false,
            decider: None,
        },
        None => stop(field, "has no bit", bit),
    }
}

/// `SET[n]` holds the one number whose only bit is `n`.
const SET: &[&[u64]] = &[
    &[1],
    &[1 << 1],
    &[1 << 2],
    &[1 << 3],
    &[1 << 4],
    &[1 << 5],
    &[1 << 6],
    &[1 << 7],
    &[1 << 8],
    &[1 << 9],
    &[1 << 10],
    &[1 << 11],
    &[1 << 12],
    &[1 << 13],
    &[1 << 14],
    &[1 << 15],
    &[1 << 16],
];

impl When {
    /// Whether the condition holds for a value of the field.
    pub fn holds(&self, value: u64) -> bool {
        self.values.contains(&(value & self.mask))
    }
}

/// What a field's value must obey.
#[derive(Debug, Clone, Copy)]
pub enum FieldRule {
    /// Any value is fine.
    Any,
    /// Zero in every known version.
    Reserved,
    /// A slot that the host fills in: in a request its content is whatever
    /// the application left there.
    Output,
    /// Every known driver sends this value.
    Always(u64),
    /// The driver refuses to send values outside of this range, ends included.
    Range(u64, u64),
    /// The host must repeat what this field of an earlier request held.
    Echoes {
        /// Name of the request.
        message: &'static str,
        /// Name of its field.
        field: &'static str,
    },
}

impl FieldRule {
    /// Whether it forbids any value.
    pub const fn forbids(&self) -> bool {
        matches!(self, Self::Reserved | Self::Always(_) | Self::Range(..))
    }
}

/// Values that obey both their rule and their type, as far as one comparison
/// tells: that the bits which count are within a range. Of other values, the
/// rule and the type are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuickAccept {
    /// Which bits count.
    mask: u64,
    low: u64,
    /// Less than `low` if the comparison tells nothing.
    high: u64,
}

impl QuickAccept {
    const fn of(ty: FieldType, rule: FieldRule) -> Self {
        let named = match ty {
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                Self::within(!set.known(), 0, 0)
            }
            FieldType::Enum(names) if names.counted() > 0 => {
                Self::within(u64::MAX, 0, names.counted() - 1)
            }
            FieldType::Enum(_) => Self::within(u64::MAX, 1, 0),
            FieldType::Bool => Self::within(u64::MAX, 0, 1),
            _ => Self::within(0, 0, 0),
        };
        match rule {
            FieldRule::Any | FieldRule::Output | FieldRule::Echoes { .. } => named,
            FieldRule::Reserved if named.has(0) => Self::within(u64::MAX, 0, 0),
            FieldRule::Always(value) if named.has(value) => Self::within(u64::MAX, value, value),
            FieldRule::Range(low, high) if !ty.has_names() => Self::within(u64::MAX, low, high),
            _ => Self::within(u64::MAX, 1, 0),
        }
    }

    const fn within(mask: u64, low: u64, high: u64) -> Self {
        Self { mask, low, high }
    }

    /// Whether a value is one of them.
    pub const fn has(self, value: u64) -> bool {
        let counts = value & self.mask;
        self.low <= counts && counts <= self.high
    }
}

/// What a message does to the object that a handle names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectEffect {
    /// Nothing that is known.
    None,
    /// It exists from a successful reply on.
    Creates,
    /// It no longer exists after a successful reply.
    Destroys,
    /// It must exist when the request is sent. 0 means that none is meant.
    Uses,
    /// It is named as a hint. Applications leave old numbers in such lists, and
    /// hosts do without them.
    Mentions,
}

/// What a value means to those who follow a whole conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRole {
    /// Nothing beyond its field.
    None,
    /// The interface version that the sender speaks.
    Version,
    /// The oldest interface version that the sender still understands.
    Compatible,
    /// Whether messages that allow it go without a reply from now on.
    AsyncMode,
    /// How extended headers name the virtual GPU from now on.
    VgpuLuid,
    /// What the thing that the message creates is called.
    Name,
    /// The thread that opened the device.
    Opener,
    /// Bytes of the object that the same element creates.
    Size,
    /// Each named object is resident once more after a successful reply.
    Resident,
    /// Each named object is resident once less after a successful reply.
    Evicted,
    /// The memory of each named object may be reused after a successful reply.
    Offered,
    /// It is wanted back after a successful reply.
    Reclaimed,
    /// A range of GPU addresses is kept for the process; this is its first.
    Reserves,
    /// A range of GPU addresses leads to memory from now on.
    Maps,
    /// A range of GPU addresses leads nowhere any more.
    Unmaps,
    /// A range of GPU addresses is given back.
    Frees,
    /// Bytes of the range of GPU addresses.
    RangeBytes,
    /// The same in pages.
    RangePages,
    /// The CPU waits for each named fence to reach its value.
    Awaited,
    /// Each named fence is asked to reach its value.
    Signalled,
    /// The values of the fences named in the same message, in their order.
    FenceValues,
    /// The value that the fence of the named queue will reach.
    Progress,
    /// Bytes by which the process is over its budget.
    OverBudget,
    /// Which memory the question is about.
    Segment,
    /// Bytes that the process should stay within.
    Budget,
    /// Bytes that the process uses by the host's count.
    InUse,
}

impl FieldRole {
    /// What happens to a range of GPU addresses that begins here, if one does.
    pub const fn range(self) -> Option<Self> {
        match self {
            Self::Reserves | Self::Maps | Self::Unmaps | Self::Frees => Some(self),
            _ => None,
        }
    }
}

/// To what a created object belongs, and how it ends.
#[derive(Debug, Clone, Copy)]
pub struct ObjectOwner {
    /// Fields that name the owner: of the same reply if it creates that
    /// object, else of the request. The first that is not 0 counts; without
    /// one, the process owns the object. The object ends with its owner.
    pub fields: &'static [&'static str],
    /// The owner counts only if this holds of the request.
    pub when: Option<When>,
    /// Whether it is not known that the object ends with its owner.
    pub loose: bool,
    /// Owners before whose end the driver destroys the object by a message of
    /// its own.
    pub settled: &'static [ObjectKind],
    /// Of a guest event: whether the host may signal it more than once.
    pub lasting: bool,
}

/// The field that says how many elements of an array are in use.
#[derive(Debug, Clone, Copy)]
pub struct UsedCount {
    /// Its name.
    pub field: &'static str,
    /// Where it stands: [`fields`] looks it up.
    pub slice: Option<BitSlice>,
    /// Whether the driver limits it: then the limit is what is checked.
    pub limited: bool,
}

/// One value at a fixed place.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Offset in bytes.
    pub at: u16,
    /// The public structure's name for it; dots reach into nested structures.
    pub name: &'static str,
    /// What its bytes mean.
    pub ty: FieldType,
    /// How many values of that type stand in a row; 1 unless it is an array.
    pub count: u16,
    /// For an array: the field that says how many elements are in use.
    pub used: Option<UsedCount>,
    /// For a bit field: lowest bit and width within the value at `at`.
    pub bits: Option<(u8, u8)>,
    /// Where its number stands, of an array the first.
    pub slice: BitSlice,
    /// For one of several meanings of the same bytes: when it applies.
    pub when: Option<When>,
    /// What its value must obey.
    pub rule: FieldRule,
    /// What the message does to the object it names.
    pub life: ObjectEffect,
    /// The life applies only if this holds of the request.
    pub life_when: Option<When>,
    /// Of a created object: to what it belongs.
    pub owner: ObjectOwner,
    /// What the value means beyond the message.
    pub role: FieldRole,
    /// The first generation of the driver that knows it.
    pub since: DriverEra,
    /// Values of which nothing can be said: most of those that are seen.
    pub quick: QuickAccept,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

/// A field of one value at offset `at`.
pub const fn field(at: u16, name: &'static str, ty: FieldType, doc: &'static str) -> Field {
    Field {
        at,
        name,
        ty,
        count: 1,
        used: None,
        bits: None,
        slice: BitSlice::whole(at, ty),
        when: None,
        rule: FieldRule::Any,
        life: ObjectEffect::None,
        life_when: None,
        owner: ObjectOwner::PROCESS,
        role: FieldRole::None,
        since: DriverEra::May2020,
        quick: QuickAccept::of(ty, FieldRule::Any),
        doc,
    }
}

/// The fields of a part or structure of which some depend on others: looks up
/// what `when` and `used` name. The build stops where a layout holds such a field
/// outside of this, and where there is no field of that name:
///
/// ```compile_fail
/// use dxgtrace_protocol::schema::*;
///
/// const LABEL: Message = Message::new(MessageSet::Vgpu, 63, "label", "LABEL", "A label.")
///     .request(layout(
///         32,
///         &fields([
///             field(24, "kind", FieldType::U32, "Its kind."),
///             field(28, "color", FieldType::U32, "Its color.").when(when("kin", &[1])),
///         ]),
///     ));
/// # assert_eq!(LABEL.name, "label");
/// ```
pub const fn fields<const N: usize>(mut fields: [Field; N]) -> [Field; N] {
    let mut i = 0;
    while i < N {
        if let Some(mut when) = fields[i].when
            && !when.of_request
        {
            when.decider = slice_of(&fields, when.field);
            fields[i].when = Some(when);
        }
        if let Some(mut used) = fields[i].used {
            let mut j = 0;
            while j < N {
                if same(fields[j].name, used.field) {
                    used.slice = Some(fields[j].slice);
                    used.limited = matches!(fields[j].rule, FieldRule::Range(..));
                }
                j += 1;
            }
            fields[i].used = Some(used);
        }
        i += 1;
    }
    fields
}

/// What the host made of the request.
pub const fn status(at: u16) -> Field {
    field(at, "status", FieldType::NtStatus, "Outcome of the request.")
}

/// The device that the request is about.
pub const fn device(at: u16) -> Field {
    field(
        at,
        "device",
        FieldType::Handle(&[ObjectKind::Device]),
        "The device.",
    )
    .uses()
}

/// Of the fields of a longer layout, those of one with `size` bytes: where a
/// later version only appended.
pub const fn before(size: u16, fields: &'static [Field]) -> &'static [Field] {
    let mut count = 0;
    while count < fields.len() && fields[count].at < size {
        count += 1;
    }
    fields.split_at(count).0
}

impl ObjectOwner {
    /// The process.
    pub const PROCESS: Self = Self {
        fields: &[],
        when: None,
        loose: false,
        settled: &[],
        lasting: false,
    };
}

impl Field {
    /// The field is an array of `count` elements.
    pub const fn array(mut self, count: u16) -> Self {
        self.count = count;
        self
    }

    /// Of the array, only as many elements are used as `field` says.
    pub const fn used(mut self, field: &'static str) -> Self {
        self.used = Some(UsedCount {
            field,
            slice: None,
            limited: false,
        });
        self
    }

    /// The field is `width` bits wide and begins at bit `shift`.
    pub const fn bits(mut self, shift: u8, width: u8) -> Self {
        self.bits = Some((shift, width));
        self.slice = self.slice.bits(shift, width);
        self
    }

    /// The bytes mean this only when the condition holds.
    pub const fn when(mut self, when: When) -> Self {
        self.when = Some(when);
        self
    }

    /// The value must be zero.
    pub const fn reserved(self) -> Self {
        self.ruled(FieldRule::Reserved)
    }

    /// In a request, the value means nothing.
    pub const fn output(self) -> Self {
        self.ruled(FieldRule::Output)
    }

    /// Every known driver sends `value`.
    pub const fn always(self, value: u64) -> Self {
        self.ruled(FieldRule::Always(value))
    }

    /// The driver sends only values from `low` to `high`.
    pub const fn range(self, low: u64, high: u64) -> Self {
        self.ruled(FieldRule::Range(low, high))
    }

    /// The host must repeat `field` of the request `message`.
    pub const fn echoes(self, message: &'static str, field: &'static str) -> Self {
        self.ruled(FieldRule::Echoes { message, field })
    }

    const fn ruled(mut self, rule: FieldRule) -> Self {
        self.rule = rule;
        self.quick = QuickAccept::of(self.ty, rule);
        self
    }

    /// The object exists from the successful reply on.
    pub const fn creates(mut self) -> Self {
        self.life = ObjectEffect::Creates;
        self
    }

    /// The object ends with the successful reply.
    pub const fn destroys(mut self) -> Self {
        self.life = ObjectEffect::Destroys;
        self
    }

    /// The object must exist.
    pub const fn uses(mut self) -> Self {
        self.life = ObjectEffect::Uses;
        self
    }

    /// The object is named as a hint.
    pub const fn mentions(mut self) -> Self {
        self.life = ObjectEffect::Mentions;
        self
    }

    /// The life applies only if the request fulfils the condition.
    pub const fn life_when(mut self, when: When) -> Self {
        self.life_when = Some(when);
        self
    }

    /// The created object belongs to what the first of these fields names
    /// that is not 0, and ends with it.
    pub const fn within(mut self, fields: &'static [&'static str]) -> Self {
        self.owner.fields = fields;
        self
    }

    /// It belongs to that owner only if the request fulfils the condition.
    pub const fn within_when(mut self, when: When) -> Self {
        self.owner.when = Some(when);
        self
    }

    /// It is not known whether the object ends with its owner.
    pub const fn loosely(mut self) -> Self {
        self.owner.loose = true;
        self
    }

    /// Before an owner of these kinds ends, the driver destroys the object by
    /// a message of its own.
    pub const fn settled_before(mut self, owners: &'static [ObjectKind]) -> Self {
        self.owner.settled = owners;
        self
    }

    /// The host may signal the event more than once.
    pub const fn lasting(mut self) -> Self {
        self.owner.lasting = true;
        self
    }

    /// What the value means beyond the message.
    pub const fn role(mut self, role: FieldRole) -> Self {
        self.role = role;
        self
    }

    /// Drivers know the field from this generation on.
    pub const fn since(mut self, era: DriverEra) -> Self {
        self.since = era;
        self
    }

    /// Bytes that the field takes.
    pub const fn size(&self) -> u16 {
        self.ty.size() * self.count
    }

    /// Offset of the first byte behind it.
    pub const fn end(&self) -> u16 {
        self.at + self.size()
    }

    /// Whether a message in one line may name it: one number that somebody chose.
    pub const fn may_be_in_summary(&self) -> bool {
        self.count == 1
            && matches!(
                self.rule,
                FieldRule::Any | FieldRule::Range(..) | FieldRule::Echoes { .. }
            )
            && !matches!(
                self.ty,
                FieldType::Pointer | FieldType::Byte | FieldType::Utf16 | FieldType::NtStatus
            )
    }

    /// Which bits of the value at `at` belong to the field.
    pub const fn mask(&self) -> u64 {
        match self.bits {
            Some((shift, width)) => (u64::MAX >> (64 - width as u32)) << shift,
            None => u64::MAX >> (64 - 8 * self.ty.size() as u32),
        }
    }
}

/// The field of that name.
pub(super) const fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let mut i = 0;
    while i < fields.len() {
        if same(fields[i].name, name) {
            return Some(&fields[i]);
        }
        i += 1;
    }
    None
}

/// The slice of the field of that name.
const fn slice_of(fields: &[Field], name: &str) -> Option<BitSlice> {
    let mut i = 0;
    while i < fields.len() {
        if same(fields[i].name, name) {
            return Some(fields[i].slice);
        }
        i += 1;
    }
    None
}
