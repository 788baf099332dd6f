//! Plans: for each message, where its handles are and what they do to objects.
//!
//! Plans are prepared once from the table. They hold resolved offsets, so that
//! no field is looked up by name for each packet.

mod ranges;

use std::sync::LazyLock;

use self::ranges::range_steps;
pub(super) use self::ranges::{RangeParameter, RangeStep};

use dxgtrace_protocol::decode::{Decoded, LocatedBody};
use dxgtrace_protocol::schema::{
    BitSlice, Field, FieldRole, FieldRule, FieldType, Layout, Message, ObjectEffect, ObjectKind,
    ObjectOwner, Struct, TailElement, When,
};
use dxgtrace_protocol::table::{self, CATALOG, Catalog};

/// Maximum number of handles of a request that may own the objects of its
/// reply.
pub(super) const OWNER_HANDLES_MAX: usize = 3;

/// An odd number that spreads bits: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Adds a value to a hash.
pub(super) const fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(SPREAD)
}

/// A set of object kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectKinds(u16);

impl ObjectKinds {
    fn of(kinds: &[ObjectKind]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | Self::bit(*kind)))
    }

    const fn bit(kind: ObjectKind) -> u16 {
        1 << kind as u16
    }

    /// The kinds whose handles are VM-wide.
    const VM_WIDE: u16 = {
        let mut set = 0;
        let mut i = 0;
        while i < ObjectKind::ALL.len() {
            // `first` finds a kind by the number of its bit.
            assert!(ObjectKind::ALL[i] as usize == i);
            if ObjectKind::ALL[i].is_vm_wide() {
                set |= Self::bit(ObjectKind::ALL[i]);
            }
            i += 1;
        }
        set
    };

    /// Whether the kind is in the set.
    pub fn contains(self, kind: ObjectKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// The kind, if there is only one.
    pub fn single(self) -> Option<ObjectKind> {
        match self.0.is_power_of_two() {
            true => Self::first(self.0),
            false => None,
        }
    }

    /// The kinds in the set whose handles are VM-wide.
    pub fn vm_wide(self) -> impl Iterator<Item = ObjectKind> {
        let mut rest = self.0 & Self::VM_WIDE;
        std::iter::from_fn(move || {
            let kind = Self::first(rest)?;
            rest &= rest - 1;
            Some(kind)
        })
    }

    /// The kind of the lowest bit.
    fn first(set: u16) -> Option<ObjectKind> {
        ObjectKind::ALL.get(set.trailing_zeros() as usize).copied()
    }

    /// Whether the set holds kinds whose handles belong to a process.
    pub fn has_process_wide(self) -> bool {
        self.0 & !Self::VM_WIDE != 0
    }
}

/// Where values are in a part of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// One value, or an array of `count` values, of which `used` gives the
    /// number in use.
    Fixed {
        at: u16,
        count: u16,
        used: Option<BitSlice>,
    },
    /// The member at offset `member` in every element of a tail.
    Tail { tail: u8, stride: u16, member: u16 },
}

/// A condition on a field of the request, evaluated for its reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    slice: BitSlice,
    when: When,
}

impl Condition {
    fn new(when: When, request: &Layout) -> Option<Self> {
        let slice = request.field(when.field)?.slice;
        Some(Self { slice, when })
    }

    /// Whether the condition holds. It does not if the field was not captured.
    pub fn holds(&self, body: &LocatedBody<'_>) -> bool {
        body.read_slice(&self.slice)
            .is_some_and(|value| self.when.holds(value))
    }
}

/// A possible owner of a created object.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnerCandidate {
    /// The object that this step of the same reply creates.
    Created(u8),
    /// The handle in this slot of the [owner
    /// handles](RequestPlan::owner_handles) of the request.
    InRequest(u8),
}

/// The handles at a place, and what the message does to their objects.
#[derive(Debug, Clone)]
pub(super) struct HandleStep {
    pub place: Place,
    /// Bytes of one handle: 8 for events, 4 for other objects.
    pub size: u16,
    pub name: &'static str,
    pub kinds: ObjectKinds,
    pub effect: ObjectEffect,
    pub role: FieldRole,
    pub owner: ObjectOwner,
    /// The possible owners, in order of preference.
    pub owners: Vec<OwnerCandidate>,
    /// The handles are present only if this condition holds for the same part.
    pub when: Option<When>,
    /// Number of the request condition for the effect, plus 1; 0 for none.
    pub effect_condition: u8,
    /// Number of the request condition for the owner, plus 1; 0 for none.
    pub owner_condition: u8,
    /// Offset of the object's size in bytes within the element.
    pub size_at: Option<u16>,
}

/// A field that is not a handle but has a role, such as a version or a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoleField {
    pub role: FieldRole,
    pub field: &'static Field,
}

/// The plan of one form of a reply.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplyPlan {
    pub steps: Vec<HandleStep>,
    pub role_fields: Vec<RoleField>,
    pub ranges: Vec<RangeStep>,
}

/// The plan of one form of a request or host message.
#[derive(Debug, Clone)]
pub(super) struct RequestPlan {
    pub steps: Vec<HandleStep>,
    pub role_fields: Vec<RoleField>,
    /// Fields of a host message that must repeat a value of the guest, each
    /// with its cookie number.
    pub echoes: Vec<(&'static Field, u8)>,
    /// Fields of the request that host messages repeat, each with its cookie
    /// number.
    pub cookies: Vec<(&'static Field, u8)>,
    /// The handles that may own the objects of the reply, by slot.
    pub owner_handles: Vec<Option<BitSlice>>,
    /// The conditions that the reply's plan refers to, by number.
    pub conditions: Vec<Option<Condition>>,
    /// The GPU address ranges that the request changes.
    pub ranges: Vec<RangeStep>,
    /// The tail that holds the fence values of the request.
    pub fence_values: Option<usize>,
    /// The number in the request that the reply depends on.
    pub parameter: Option<RangeParameter>,
    /// The enumerations and flags: what is asked for, whichever object it is
    /// asked of.
    pub choices: Vec<BitSlice>,
}

impl RequestPlan {
    /// A hash of the enumerations and flags in a request.
    pub fn parameter_kind(&self, body: &LocatedBody<'_>) -> u64 {
        let choices = self.choices.iter();
        choices.fold(0, |kind, choice| {
            mix(kind, body.read_slice(choice).unwrap_or(0))
        })
    }
}

/// The plans of a message.
#[derive(Debug, Clone)]
pub(super) struct MessagePlan {
    pub message: &'static Message,
    pub requests: Vec<RequestPlan>,
    pub replies: Vec<ReplyPlan>,
}

impl MessagePlan {
    /// The plan of a form of the request or host message.
    pub fn request(&self, layout: &Layout) -> Option<&RequestPlan> {
        self.requests.get(usize::from(layout.form_index))
    }

    /// Whether its replies create objects of a kind.
    pub fn creates(&self, kind: ObjectKind) -> bool {
        let mut steps = self.replies.iter().flat_map(|reply| &reply.steps);
        steps.any(|step| step.effect == ObjectEffect::Creates && step.kinds.contains(kind))
    }

    /// The plan of a form of the reply.
    pub fn reply(&self, layout: &Layout) -> Option<&ReplyPlan> {
        self.replies.get(usize::from(layout.form_index))
    }
}

/// Assigns slots to the fields that the replies of a message need from its
/// request. The slots are the same for all forms of the request.
#[derive(Debug)]
struct RequestSlots {
    message: &'static Message,
    handles: Vec<&'static str>,
    conditions: Vec<When>,
}

impl RequestSlots {
    fn is_request_field(&self, field: &str) -> bool {
        let mut requests = self.message.requests.layouts();
        requests.any(|layout| layout.field(field).is_some())
    }

    /// The slot of the handle in the request's field `name`; `None` without
    /// such a field.
    fn handle_slot(&mut self, name: &'static str) -> Option<u8> {
        if !self.is_request_field(name) {
            return None;
        }
        let known = self.handles.iter().position(|other| *other == name);
        let slot = known.unwrap_or_else(|| {
            self.handles.push(name);
            self.handles.len() - 1
        });
        u8::try_from(slot).ok().filter(|_| slot < OWNER_HANDLES_MAX)
    }

    /// The number of the request condition `when`, plus 1; 0 without such a
    /// field.
    fn condition_bit(&mut self, when: When) -> u8 {
        if !self.is_request_field(when.field) {
            return 0;
        }
        let same =
            |old: &When| (old.field, old.mask, old.values) == (when.field, when.mask, when.values);
        let known = self.conditions.iter().position(same);
        let bit = known.unwrap_or_else(|| {
            self.conditions.push(when);
            self.conditions.len() - 1
        });
        u8::try_from(bit + 1).unwrap_or(u8::MAX)
    }
}

/// The plans of a catalog's messages.
#[derive(Debug)]
pub(super) struct MessagePlans {
    pub catalog: &'static Catalog,
    plans: Vec<Option<MessagePlan>>,
    /// The kinds of object that messages create.
    announced: ObjectKinds,
}

/// The plans of the built-in catalog.
pub(super) static PLANS: LazyLock<MessagePlans> = LazyLock::new(|| MessagePlans::prepare(&CATALOG));

impl Default for &'static MessagePlans {
    fn default() -> Self {
        &PLANS
    }
}

impl MessagePlans {
    /// Prepares the messages of a catalog.
    pub fn prepare(catalog: &'static Catalog) -> Self {
        let cookies = cookie_fields(catalog);
        let mut plans = vec![None; table::INDEX_SIZE];
        for message in catalog.all().filter(|message| !message.requests.is_empty()) {
            let place = table::catalog_index(message).and_then(|place| plans.get_mut(place));
            if let Some(place) = place {
                *place = Some(prepare_message(message, &cookies));
            }
        }
        let steps = plans.iter().flatten().flat_map(|plan: &MessagePlan| {
            let requests = plan.requests.iter().flat_map(|request| &request.steps);
            let replies = plan.replies.iter().flat_map(|reply| &reply.steps);
            requests.chain(replies)
        });
        let creating = steps.filter(|step| step.effect == ObjectEffect::Creates);
        let announced = ObjectKinds(creating.fold(0, |kinds, step| kinds | step.kinds.0));
        Self {
            catalog,
            plans,
            announced,
        }
    }

    /// The plan of a message.
    pub fn plan(&self, message: &Message) -> Option<&MessagePlan> {
        self.plans.get(table::catalog_index(message)?)?.as_ref()
    }

    /// The plan of the form of a request or host message.
    pub fn form_of(&self, decoded: &Decoded<'_>) -> Option<&RequestPlan> {
        self.plan(decoded.message?)?
            .request(decoded.body.as_ref()?.layout)
    }

    /// Whether objects of `kind` are created by messages.
    pub fn is_announced(&self, kind: ObjectKind) -> bool {
        self.announced.contains(kind)
    }
}

/// The fields that host messages repeat: names of message and field. The index
/// of a field is its cookie number.
fn cookie_fields(catalog: &Catalog) -> Vec<(&'static str, &'static str)> {
    let mut cookies = Vec::new();
    let bodies = catalog.all().flat_map(|message| message.requests.layouts());
    for field in bodies.flat_map(|body| body.fields) {
        if let FieldRule::Echoes { message, field } = field.rule
            && !cookies.contains(&(message, field))
        {
            cookies.push((message, field));
        }
    }
    cookies
}

fn prepare_message(message: &'static Message, cookies: &[(&str, &str)]) -> MessagePlan {
    let mut slots = RequestSlots {
        message,
        handles: Vec::new(),
        conditions: Vec::new(),
    };
    let replies: Vec<_> = message
        .replies
        .layouts()
        .map(|layout| ReplyPlan {
            steps: handle_steps(layout, &mut slots),
            role_fields: role_fields(layout),
            ranges: range_steps(layout),
        })
        .collect();
    let steps: Vec<_> = message
        .requests
        .layouts()
        .map(|layout| handle_steps(layout, &mut slots))
        .collect();
    let requests = message
        .requests
        .layouts()
        .zip(steps)
        .map(|(layout, steps)| request_plan(message, layout, steps, &slots, cookies))
        .collect();
    MessagePlan {
        message,
        requests,
        replies,
    }
}

fn request_plan(
    message: &Message,
    layout: &'static Layout,
    steps: Vec<HandleStep>,
    slots: &RequestSlots,
    cookies: &[(&str, &str)],
) -> RequestPlan {
    let place = |of: &str, name: &str| {
        let found = cookies.iter().position(|cookie| *cookie == (of, name))?;
        u8::try_from(found).ok()
    };
    let echoed = |field: &'static Field| match field.rule {
        FieldRule::Echoes { message, field: of } => Some((field, place(message, of)?)),
        _ => None,
    };
    let repeated = |field: &'static Field| Some((field, place(message.name, field.name)?));
    let handles = slots.handles.iter();
    let conditions = slots.conditions.iter();
    RequestPlan {
        steps,
        role_fields: role_fields(layout),
        echoes: layout.fields.iter().filter_map(echoed).collect(),
        cookies: layout.fields.iter().filter_map(repeated).collect(),
        owner_handles: handles
            .map(|name| layout.field(name).map(|field| field.slice))
            .collect(),
        conditions: conditions
            .map(|when| Condition::new(*when, layout))
            .collect(),
        ranges: range_steps(layout),
        fence_values: layout
            .tails
            .iter()
            .position(|tail| tail.role == FieldRole::FenceValues),
        parameter: RangeParameter::of(layout),
        choices: layout
            .fields
            .iter()
            .filter(|field| field.ty.has_names())
            .map(|field| field.slice)
            .collect(),
    }
}

fn role_fields(layout: &'static Layout) -> Vec<RoleField> {
    layout
        .fields
        .iter()
        .filter(|field| {
            matches!(
                field.role,
                FieldRole::Version
                    | FieldRole::Compatible
                    | FieldRole::AsyncMode
                    | FieldRole::VgpuLuid
                    | FieldRole::Name
                    | FieldRole::Opener
                    | FieldRole::Progress
                    | FieldRole::FenceValue
                    | FieldRole::FirstFenceValue
                    | FieldRole::OverBudget
                    | FieldRole::Budget
                    | FieldRole::InUse
            )
        })
        .map(|field| RoleField {
            role: field.role,
            field,
        })
        .collect()
}

/// The steps for the handles of a part that have an effect.
fn handle_steps(layout: &'static Layout, slots: &mut RequestSlots) -> Vec<HandleStep> {
    let mut steps = Vec::new();
    for field in layout.fields {
        let place = Place::Fixed {
            at: field.at,
            count: field.count,
            used: field.used_count.and_then(|used| used.slice),
        };
        add_step(field, place, slots, &mut steps);
    }
    for (index, tail) in layout.tails.iter().enumerate() {
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        match tail.element {
            TailElement::Value(ty) => {
                let field = Field {
                    rule: tail.rule,
                    effect: tail.effect,
                    effect_when: tail.effect_when,
                    owner: tail.owner,
                    role: tail.role,
                    ..dxgtrace_protocol::schema::field(0, tail.name, ty, tail.doc)
                };
                let place = Place::Tail {
                    tail: index,
                    stride: ty.size(),
                    member: 0,
                };
                add_step(&field, place, slots, &mut steps);
            }
            TailElement::Struct(structure) => add_member_steps(index, structure, slots, &mut steps),
        }
    }
    steps
}

fn add_member_steps(
    tail: u8,
    structure: &'static Struct,
    slots: &mut RequestSlots,
    steps: &mut Vec<HandleStep>,
) {
    let size = structure
        .fields
        .iter()
        .find(|field| field.role == FieldRole::Size)
        .map(|field| field.at);
    for field in structure.fields {
        // Fields that apply only to some elements are not followed: their
        // condition is in the element.
        if field.when.is_some() {
            continue;
        }
        let place = Place::Tail {
            tail,
            stride: structure.size,
            member: field.at,
        };
        let before = steps.len();
        add_step(field, place, slots, steps);
        if let Some(step) = steps.get_mut(before) {
            step.size_at = size;
        }
    }
}

fn add_step(field: &Field, place: Place, slots: &mut RequestSlots, steps: &mut Vec<HandleStep>) {
    let kinds = match field.ty {
        FieldType::Handle(kinds) if field.effect != ObjectEffect::None => ObjectKinds::of(kinds),
        FieldType::Event if field.effect != ObjectEffect::None => {
            ObjectKinds::of(&[ObjectKind::GuestEvent])
        }
        _ => return,
    };
    let mut owners = Vec::new();
    for name in field.owner.fields {
        let created = steps
            .iter()
            .position(|step| step.name == *name && step.effect == ObjectEffect::Creates);
        if let Some(index) = created {
            owners.extend(u8::try_from(index).ok().map(OwnerCandidate::Created));
        }
        owners.extend(slots.handle_slot(name).map(OwnerCandidate::InRequest));
    }
    let bit = |when: Option<When>, slots: &mut RequestSlots| match when {
        Some(when) => slots.condition_bit(when),
        None => 0,
    };
    steps.push(HandleStep {
        place,
        size: field.ty.size(),
        name: field.name,
        kinds,
        effect: field.effect,
        role: field.role,
        owner: field.owner,
        owners,
        when: field.when.filter(|when| !when.of_request),
        effect_condition: bit(field.effect_when, slots),
        owner_condition: bit(field.owner.when, slots),
        size_at: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_fits_into_a_requests_memory() {
        for plan in PLANS.plans.iter().flatten() {
            let name = plan.message.name;
            for request in &plan.requests {
                let (handles, conditions) = (&request.owner_handles, &request.conditions);
                assert!(handles.len() <= OWNER_HANDLES_MAX, "{name}: {handles:?}");
                assert!(conditions.len() <= 8, "{name}");
            }
            for step in plan.replies.iter().flat_map(|reply| &reply.steps) {
                let wanted = step.owner.fields.len();
                assert!(step.owners.len() >= wanted, "{name}.{}", step.name);
            }
        }
        assert!(cookie_fields(&CATALOG).len() <= 8);
    }

    #[test]
    fn an_allocation_belongs_to_the_resource_before_the_device() {
        let message = table::by_name("create_allocation").unwrap();
        let plan = PLANS.plan(message).unwrap();
        let reply = plan.reply(message.reply_at(40).unwrap()).unwrap();
        let allocation = reply
            .steps
            .iter()
            .find(|step| step.name == "allocation")
            .unwrap();
        assert!(matches!(
            allocation.owners[..],
            [
                OwnerCandidate::Created(0),
                OwnerCandidate::InRequest(_),
                OwnerCandidate::InRequest(_)
            ]
        ));
        assert_eq!(allocation.size_at, Some(16));
    }
}
