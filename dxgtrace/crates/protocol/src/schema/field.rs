//! A field: a value at a fixed offset, its type and its rules.

use super::slice::BitSlice;
use super::ty::{DriverEra, FieldType, ObjectKind};
use crate::schema::text::{fail_build, str_eq};
use crate::schema::values::Flags;

/// A condition on a field of the same part of the message, or of the request.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// The field that decides.
    pub field: &'static str,
    /// The bits of the field that are compared.
    pub mask: u64,
    /// The masked values for which the condition holds.
    pub values: &'static [u64],
    /// Whether `field` is a field of the request and the condition stands in the reply.
    pub of_request: bool,
    /// The position of the field, if it is in the same part or structure. [`fields`]
    /// resolves it.
    pub decider: Option<BitSlice>,
}

/// A condition that holds if `field` has one of `values`.
pub const fn when(field: &'static str, values: &'static [u64]) -> When {
    When {
        field,
        mask: u64::MAX,
        values,
        of_request: false,
        decider: None,
    }
}

/// A condition in a reply that holds if `field` of the request has one of `values`.
pub const fn when_request(field: &'static str, values: &'static [u64]) -> When {
    When {
        field,
        mask: u64::MAX,
        values,
        of_request: true,
        decider: None,
    }
}

/// A condition that holds if the bit `bit` of `field` is set.
pub const fn when_set(field: &'static str, set: &'static Flags, bit: &str) -> When {
    match set.find(bit) {
        Some(bit) => When {
            field,
            mask: bit.mask(),
            values: SET[bit.shift as usize],
            of_request: false,
            decider: None,
        },
        None => fail_build(field, "has no bit", bit),
    }
}

/// A condition that holds if the bit `bit` of `field` is clear.
pub const fn when_clear(field: &'static str, set: &'static Flags, bit: &str) -> When {
    match set.find(bit) {
        Some(bit) => When {
            field,
            mask: bit.mask(),
            values: &[0],
            of_request: false,
            decider: None,
        },
        None => fail_build(field, "has no bit", bit),
    }
}

/// `SET[n]` holds the number in which only bit `n` is set.
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
    /// Whether the condition holds if the field has `value`.
    pub fn holds(&self, value: u64) -> bool {
        self.values.contains(&(value & self.mask))
    }
}

/// The rule for the value of a field.
#[derive(Debug, Clone, Copy)]
pub enum FieldRule {
    /// Any value is valid.
    Any,
    /// Zero in every known version.
    Reserved,
    /// The host fills in the field. In a request it holds leftover data of the
    /// application.
    Output,
    /// Every known driver sends this value.
    Always(u64),
    /// The driver refuses to send values outside this range, which includes both ends.
    Range(u64, u64),
    /// The host must repeat the value of this field of an earlier request.
    Echoes {
        /// Name of the request.
        message: &'static str,
        /// Name of its field.
        field: &'static str,
    },
}

impl FieldRule {
    /// Whether the rule forbids any value.
    pub const fn forbids_values(&self) -> bool {
        matches!(self, Self::Reserved | Self::Always(_) | Self::Range(..))
    }
}

/// A range of values that satisfy both rule and type of a field, tested with one
/// comparison. Other values need the full check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuickAccept {
    /// The bits that are compared.
    mask: u64,
    low: u64,
    /// Less than `low` if every value needs the full check.
    high: u64,
}

impl QuickAccept {
    const fn of(ty: FieldType, rule: FieldRule) -> Self {
        let named = match ty {
            FieldType::Flags16(set) | FieldType::Flags32(set) | FieldType::Flags64(set) => {
                Self::in_range(!set.named_mask(), 0, 0)
            }
            FieldType::Enum(names) if names.dense_count() > 0 => {
                Self::in_range(u64::MAX, 0, names.dense_count() - 1)
            }
            FieldType::Enum(_) => Self::in_range(u64::MAX, 1, 0),
            FieldType::Bool => Self::in_range(u64::MAX, 0, 1),
            _ => Self::in_range(0, 0, 0),
        };
        match rule {
            FieldRule::Any | FieldRule::Output | FieldRule::Echoes { .. } => named,
            FieldRule::Reserved if named.accepts(0) => Self::in_range(u64::MAX, 0, 0),
            FieldRule::Always(value) if named.accepts(value) => {
                Self::in_range(u64::MAX, value, value)
            }
            FieldRule::Range(low, high) if !ty.has_names() => Self::in_range(u64::MAX, low, high),
            _ => Self::in_range(u64::MAX, 1, 0),
        }
    }

    const fn in_range(mask: u64, low: u64, high: u64) -> Self {
        Self { mask, low, high }
    }

    /// Whether `value` is valid without the full check.
    pub const fn accepts(self, value: u64) -> bool {
        let counts = value & self.mask;
        self.low <= counts && counts <= self.high
    }
}

/// What a message does to the object that a handle names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectEffect {
    /// No known effect.
    None,
    /// A successful reply creates the object.
    Creates,
    /// A successful reply destroys the object.
    Destroys,
    /// The object must exist when the request is sent. 0 names no object.
    Uses,
    /// The object is named as a hint. Applications leave stale handles in such lists,
    /// which hosts ignore.
    Mentions,
}

/// What a value means for the state of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRole {
    /// No meaning for the session.
    None,
    /// The interface version that the sender speaks.
    Version,
    /// The oldest interface version that the sender still understands.
    Compatible,
    /// Whether messages that allow it go without a reply from now on.
    AsyncMode,
    /// How extended headers name the virtual GPU from now on.
    VgpuLuid,
    /// The name of the object that the message creates.
    Name,
    /// The thread that opened the device.
    Opener,
    /// Size in bytes of the object that the same element creates.
    Size,
    /// A successful reply increments the residency count of each named object.
    Resident,
    /// A successful reply decrements the residency count of each named object.
    Evicted,
    /// A successful reply lets the host reuse the memory of each named object.
    Offered,
    /// A successful reply revokes the offer of each named object.
    Reclaimed,
    /// The first address of a range of GPU addresses that is reserved for the process.
    Reserves,
    /// The first address of a range of GPU addresses that is mapped.
    Maps,
    /// The first address of a range of GPU addresses that is unmapped.
    Unmaps,
    /// The first address of a range of GPU addresses that is freed.
    Frees,
    /// Length of the range of GPU addresses in bytes.
    RangeBytes,
    /// Length of the range of GPU addresses in pages.
    RangePages,
    /// The CPU waits for each named fence to reach its value.
    Awaited,
    /// Each named fence is signalled to its value.
    Signalled,
    /// The named queue waits for each named fence to reach its value before it
    /// goes on.
    QueueAwaited,
    /// The values of the fences named in the same message, in their order.
    FenceValues,
    /// The value of all fences named in the same message, if there is no list
    /// of values.
    FenceValue,
    /// The value that the fence has from its creation on.
    FirstFenceValue,
    /// The queue (context, hardware queue or paging queue) that carries out
    /// what the message asks for, in the order of the requests.
    Queue,
    /// The same, where the message submits commands.
    SubmissionQueue,
    /// The value that the fence of the named queue will reach.
    Progress,
    /// Number of bytes by which the process exceeds its budget.
    OverBudget,
    /// The memory segment that is queried.
    Segment,
    /// The memory budget of the process in bytes.
    Budget,
    /// Memory in use by the process in bytes, as the host counts it.
    InUse,
}

impl FieldRole {
    /// The role itself if it marks the first address of a range of GPU addresses.
    pub const fn range(self) -> Option<Self> {
        match self {
            Self::Reserves | Self::Maps | Self::Unmaps | Self::Frees => Some(self),
            _ => None,
        }
    }
}

/// The owner of a created object, and how the object ends.
#[derive(Debug, Clone, Copy)]
pub struct ObjectOwner {
    /// Fields that name the owner: fields of the same reply if the reply creates the
    /// owner, else of the request. The first nonzero field is used; without one, the
    /// process is the owner. The object ends with its owner.
    pub fields: &'static [&'static str],
    /// A condition on the request without which the process is the owner.
    pub when: Option<When>,
    /// Whether it is unknown if the object ends with its owner.
    pub may_outlive: bool,
    /// Kinds of owner before whose end the driver destroys the object with a separate
    /// message.
    pub destroyed_before: &'static [ObjectKind],
    /// For a guest event: whether the host may signal it more than once.
    pub signalled_repeatedly: bool,
}

/// The field that counts the used elements of an array.
#[derive(Debug, Clone, Copy)]
pub struct UsedCount {
    /// Its name.
    pub field: &'static str,
    /// The position of the field. [`fields`] resolves it.
    pub slice: Option<BitSlice>,
    /// Whether the field has a range: then the range is checked in place of the length
    /// of the array.
    pub limited: bool,
}

/// A value, or an array of values, at a fixed offset.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Offset in bytes.
    pub at: u16,
    /// The name in the public structure. Dots separate the names of nested structures.
    pub name: &'static str,
    /// The type of the value.
    pub ty: FieldType,
    /// Number of array elements; 1 unless the field is an array.
    pub count: u16,
    /// For an array: the field that counts the used elements.
    pub used_count: Option<UsedCount>,
    /// For a bit field: lowest bit and width within the value at `at`.
    pub bits: Option<(u8, u8)>,
    /// The position of the number; for an array, of its first element.
    pub slice: BitSlice,
    /// For one of several alternatives at the same offset: when it applies.
    pub when: Option<When>,
    /// The rule for its value.
    pub rule: FieldRule,
    /// What the message does to the object that the value names.
    pub effect: ObjectEffect,
    /// A condition on the request without which `effect` does not apply.
    pub effect_when: Option<When>,
    /// For a created object: its owner.
    pub owner: ObjectOwner,
    /// What the value means for the state of the session.
    pub role: FieldRole,
    /// The first generation of the driver that has the field.
    pub since: DriverEra,
    /// Values that need no further check: most of those that occur.
    pub quick_accept: QuickAccept,
    /// A sentence that describes it.
    pub doc: &'static str,
}

/// A field with one value at offset `at`.
pub const fn field(at: u16, name: &'static str, ty: FieldType, doc: &'static str) -> Field {
    Field {
        at,
        name,
        ty,
        count: 1,
        used_count: None,
        bits: None,
        slice: BitSlice::whole(at, ty),
        when: None,
        rule: FieldRule::Any,
        effect: ObjectEffect::None,
        effect_when: None,
        owner: ObjectOwner::PROCESS,
        role: FieldRole::None,
        since: DriverEra::May2020,
        quick_accept: QuickAccept::of(ty, FieldRule::Any),
        doc,
    }
}

/// Resolves the names in [`Field::when`] and [`Field::used_count`] of a list of fields.
/// A layout with such a field that was not resolved fails the build, and so does an
/// unknown name:
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
            when.decider = slice_named(&fields, when.field);
            fields[i].when = Some(when);
        }
        if let Some(mut used) = fields[i].used_count {
            let mut j = 0;
            while j < N {
                if str_eq(fields[j].name, used.field) {
                    used.slice = Some(fields[j].slice);
                    used.limited = matches!(fields[j].rule, FieldRule::Range(..));
                }
                j += 1;
            }
            fields[i].used_count = Some(used);
        }
        i += 1;
    }
    fields
}

/// A field that holds the status of the request.
pub const fn status_field(at: u16) -> Field {
    field(at, "status", FieldType::NtStatus, "Outcome of the request.")
}

/// A field that names the device of the request.
pub const fn device_field(at: u16) -> Field {
    field(
        at,
        "device",
        FieldType::Handle(&[ObjectKind::Device]),
        "The device.",
    )
    .uses()
}

/// The fields that begin before offset `size`: those of an older version, if later
/// versions only appended fields.
pub const fn fields_before(size: u16, fields: &'static [Field]) -> &'static [Field] {
    let mut count = 0;
    while count < fields.len() && fields[count].at < size {
        count += 1;
    }
    fields.split_at(count).0
}

impl ObjectOwner {
    /// The process owns the object.
    pub const PROCESS: Self = Self {
        fields: &[],
        when: None,
        may_outlive: false,
        destroyed_before: &[],
        signalled_repeatedly: false,
    };
}

impl Field {
    /// Declares the field as an array of `count` elements.
    pub const fn array(mut self, count: u16) -> Self {
        self.count = count;
        self
    }

    /// Declares that `field` counts the used elements of the array.
    pub const fn used_count(mut self, field: &'static str) -> Self {
        self.used_count = Some(UsedCount {
            field,
            slice: None,
            limited: false,
        });
        self
    }

    /// Declares the field as `width` bits from bit `shift` on.
    pub const fn bits(mut self, shift: u8, width: u8) -> Self {
        self.bits = Some((shift, width));
        self.slice = self.slice.bits(shift, width);
        self
    }

    /// Declares that the field exists only if `when` holds.
    pub const fn when(mut self, when: When) -> Self {
        self.when = Some(when);
        self
    }

    /// Declares that the value must be 0.
    pub const fn reserved(self) -> Self {
        self.with_rule(FieldRule::Reserved)
    }

    /// Declares that the host fills in the field: in a request, its value is
    /// meaningless.
    pub const fn output(self) -> Self {
        self.with_rule(FieldRule::Output)
    }

    /// Declares that every known driver sends `value`.
    pub const fn always(self, value: u64) -> Self {
        self.with_rule(FieldRule::Always(value))
    }

    /// Declares that the driver sends only values from `low` to `high`.
    pub const fn range(self, low: u64, high: u64) -> Self {
        self.with_rule(FieldRule::Range(low, high))
    }

    /// Declares that the host must repeat `field` of the request `message`.
    pub const fn echoes(self, message: &'static str, field: &'static str) -> Self {
        self.with_rule(FieldRule::Echoes { message, field })
    }

    const fn with_rule(mut self, rule: FieldRule) -> Self {
        self.rule = rule;
        self.quick_accept = QuickAccept::of(self.ty, rule);
        self
    }

    /// Declares that a successful reply creates the object.
    pub const fn creates(mut self) -> Self {
        self.effect = ObjectEffect::Creates;
        self
    }

    /// Declares that a successful reply destroys the object.
    pub const fn destroys(mut self) -> Self {
        self.effect = ObjectEffect::Destroys;
        self
    }

    /// Declares that the object must exist.
    pub const fn uses(mut self) -> Self {
        self.effect = ObjectEffect::Uses;
        self
    }

    /// Declares that the message names the object only as a hint.
    pub const fn mentions(mut self) -> Self {
        self.effect = ObjectEffect::Mentions;
        self
    }

    /// Declares that the effect applies only if `when` holds for the request.
    pub const fn effect_when(mut self, when: When) -> Self {
        self.effect_when = Some(when);
        self
    }

    /// Declares the owner of the created object, with which it ends: the object that the
    /// first nonzero field of `fields` names.
    pub const fn owned_by(mut self, fields: &'static [&'static str]) -> Self {
        self.owner.fields = fields;
        self
    }

    /// Declares that the owner applies only if `when` holds for the request.
    pub const fn owned_when(mut self, when: When) -> Self {
        self.owner.when = Some(when);
        self
    }

    /// Declares that the object may outlive its owner.
    pub const fn may_outlive_owner(mut self) -> Self {
        self.owner.may_outlive = true;
        self
    }

    /// Declares that the driver destroys the object with a separate message before an
    /// owner of these kinds ends.
    pub const fn destroyed_before(mut self, owners: &'static [ObjectKind]) -> Self {
        self.owner.destroyed_before = owners;
        self
    }

    /// Declares that the host may signal the event more than once.
    pub const fn signalled_repeatedly(mut self) -> Self {
        self.owner.signalled_repeatedly = true;
        self
    }

    /// Declares what the value means for the state of the session.
    pub const fn role(mut self, role: FieldRole) -> Self {
        self.role = role;
        self
    }

    /// Declares the first generation of the driver that has the field.
    pub const fn since(mut self, era: DriverEra) -> Self {
        self.since = era;
        self
    }

    /// Size of the field in bytes.
    pub const fn size(&self) -> u16 {
        self.ty.size() * self.count
    }

    /// Offset of the first byte after the field.
    pub const fn end(&self) -> u16 {
        self.at + self.size()
    }

    /// Whether the one-line summary may show the field: a single number that is not
    /// fixed, opaque or an address.
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

    /// The bits of the word at `at` that belong to the field.
    pub const fn mask(&self) -> u64 {
        match self.bits {
            Some((shift, width)) => (u64::MAX >> (64 - width as u32)) << shift,
            None => u64::MAX >> (64 - 8 * self.ty.size() as u32),
        }
    }
}

/// The field called `name`.
pub(super) const fn field_named(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    let mut i = 0;
    while i < fields.len() {
        if str_eq(fields[i].name, name) {
            return Some(&fields[i]);
        }
        i += 1;
    }
    None
}

/// The slice of the field called `name`.
const fn slice_named(fields: &[Field], name: &str) -> Option<BitSlice> {
    let mut i = 0;
    while i < fields.len() {
        if str_eq(fields[i].name, name) {
            return Some(fields[i].slice);
        }
        i += 1;
    }
    None
}
