//! The description, prepared for following objects: for each message the
//! places where handles stand, and what they mean.
//!
//! Made once from the table. Walking a plan costs a few reads a packet, where
//! walking the table would look every name up again.

mod ranges;

use std::sync::LazyLock;

use self::ranges::ranges;
pub(super) use self::ranges::{RangeParameter, RangeStep};

use dxgtrace_protocol::decode::{Decoded, LocatedBody};
use dxgtrace_protocol::schema::{
    BitSlice, Field, FieldRole, FieldRule, FieldType, Layout, Message, ObjectEffect, ObjectKind,
    ObjectOwner, Struct, TailElement, When,
};
use dxgtrace_protocol::table::{self, CATALOG, Catalog};

/// Most handles of a request that the objects of its reply may belong to.
pub(super) const MAX_ASKED: usize = 3;

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

    /// The kinds whose handles are numbers of the virtual machine.
    const VM_WIDE: u16 = {
        let mut set = 0;
        let mut i = 0;
        while i < ObjectKind::ALL.len() {
            // A kind is found again by the number of its bit.
            assert!(ObjectKind::ALL[i] as usize == i);
            if ObjectKind::ALL[i].is_vm_wide() {
                set |= Self::bit(ObjectKind::ALL[i]);
            }
            i += 1;
        }
        set
    };

    /// Whether the kind is in the set.
    pub fn has(self, kind: ObjectKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// The kind, if there is only one.
    pub fn single(self) -> Option<ObjectKind> {
        match self.0.is_power_of_two() {
            true => Self::first(self.0),
            false => None,
        }
    }

    /// Those of the kinds whose handles are numbers of the virtual machine.
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

    /// Whether there are kinds in it whose handles are those of a process.
    pub fn has_process_wide(self) -> bool {
        self.0 & !Self::VM_WIDE != 0
    }
}

/// Where values stand in a part of a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// One value, or an array of which as many are in use as `used` says.
    Fixed {
        at: u16,
        count: u16,
        used: Option<BitSlice>,
    },
    /// A member of every element of the tail with that number.
    Tail { tail: u8, stride: u16, member: u16 },
}

/// A condition on a field of the request that its reply asks for.
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

    /// Whether it holds. What was not captured holds nothing.
    pub fn holds(&self, body: &LocatedBody<'_>) -> bool {
        body.read_slice(&self.slice)
            .is_some_and(|value| self.when.holds(value))
    }
}

/// Whom a created object may belong to.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnerCandidate {
    /// What that step of the same reply creates.
    Created(u8),
    /// What the request names in that slot of its memory.
    Asked(u8),
}

/// Handles at a place, and what the message does to their objects.
#[derive(Debug, Clone)]
pub(super) struct HandleStep {
    pub place: Place,
    /// Bytes of one handle: 4, of events 8.
    pub size: u16,
    pub name: &'static str,
    pub kinds: ObjectKinds,
    pub life: ObjectEffect,
    pub role: FieldRole,
    pub owner: ObjectOwner,
    /// Whom it may belong to, in order.
    pub owners: Vec<OwnerCandidate>,
    /// The bytes mean this only if this holds of the same part.
    pub when: Option<When>,
    /// Bit of the request's memory that must be set, plus 1.
    pub life_bit: u8,
    /// Bit of the request's memory under which the owner counts, plus 1.
    pub owner_bit: u8,
    /// Offset within the element of the bytes that the object takes.
    pub bytes_at: Option<u16>,
}

/// What a part holds beside handles, by what it means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub role: FieldRole,
    pub field: &'static Field,
}

/// One form of a reply, prepared.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplyPlan {
    pub steps: Vec<HandleStep>,
    pub facts: Vec<Fact>,
    pub ranges: Vec<RangeStep>,
}

/// One form of a request or host message, prepared.
#[derive(Debug, Clone)]
pub(super) struct RequestPlan {
    pub steps: Vec<HandleStep>,
    pub facts: Vec<Fact>,
    /// Fields that an event must repeat: field, its place in the cookies.
    pub echoes: Vec<(&'static Field, u8)>,
    /// Fields of the request that an event will repeat.
    pub cookies: Vec<(&'static Field, u8)>,
    /// The handles that the reply's objects may belong to, slot by slot.
    pub asked: Vec<Option<BitSlice>>,
    /// Conditions on the request that its reply needs: bit 0 on.
    pub conditions: Vec<Option<Condition>>,
    /// Ranges of GPU addresses to which the request does something.
    pub ranges: Vec<RangeStep>,
    /// The tail that holds the values of the fences in the request.
    pub fence_values: Option<usize>,
    /// A number of the request that the reply needs.
    pub asked_number: Option<RangeParameter>,
}

/// A message, prepared.
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

    /// The plan of a form of the reply.
    pub fn reply(&self, layout: &Layout) -> Option<&ReplyPlan> {
        self.replies.get(usize::from(layout.form_index))
    }
}

/// What the replies of a message need to know of its request, in whatever form
/// that was: each has its slot.
#[derive(Debug)]
struct RequestSlots {
    message: &'static Message,
    handles: Vec<&'static str>,
    conditions: Vec<When>,
}

impl RequestSlots {
    fn has(&self, field: &str) -> bool {
        let mut requests = self.message.requests.layouts();
        requests.any(|layout| layout.field(field).is_some())
    }

    /// The slot in which the handle of a request's field is kept, if it has one.
    fn handle(&mut self, name: &'static str) -> Option<u8> {
        if !self.has(name) {
            return None;
        }
        let known = self.handles.iter().position(|other| *other == name);
        let slot = known.unwrap_or_else(|| {
            self.handles.push(name);
            self.handles.len() - 1
        });
        u8::try_from(slot).ok().filter(|_| slot < MAX_ASKED)
    }

    /// The bit for a condition on the request, plus 1; 0 without such a field.
    fn condition(&mut self, when: When) -> u8 {
        if !self.has(when.field) {
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
    /// The kinds of object of which messages tell when they begin.
    announced: ObjectKinds,
}

/// The plans of the built-in catalog.
pub(super) static PLANS: LazyLock<MessagePlans> = LazyLock::new(|| MessagePlans::of(&CATALOG));

impl Default for &'static MessagePlans {
    fn default() -> Self {
        &PLANS
    }
}

impl MessagePlans {
    /// Prepares the messages of a catalog.
    pub fn of(catalog: &'static Catalog) -> Self {
        let cookies = cookies(catalog);
        let mut plans = vec![None; table::INDEX_SIZE];
        for message in catalog.all().filter(|message| !message.requests.is_empty()) {
            let place = table::catalog_index(message).and_then(|place| plans.get_mut(place));
            if let Some(place) = place {
                *place = Some(prepare(message, &cookies));
            }
        }
        let steps = plans.iter().flatten().flat_map(|plan: &MessagePlan| {
            let requests = plan.requests.iter().flat_map(|request| &request.steps);
            let replies = plan.replies.iter().flat_map(|reply| &reply.steps);
            requests.chain(replies)
        });
        let creating = steps.filter(|step| step.life == ObjectEffect::Creates);
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

    /// The plan of the form that a request or event has.
    pub fn request_of(&self, decoded: &Decoded<'_>) -> Option<&RequestPlan> {
        self.plan(decoded.message?)?
            .request(decoded.body.as_ref()?.layout)
    }

    /// Whether messages tell when objects of that kind begin.
    pub fn is_announced(&self, kind: ObjectKind) -> bool {
        self.announced.has(kind)
    }
}

/// Names of the fields that are repeated by events: message and field.
fn cookies(catalog: &Catalog) -> Vec<(&'static str, &'static str)> {
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

fn prepare(message: &'static Message, cookies: &[(&str, &str)]) -> MessagePlan {
    let mut slots = RequestSlots {
        message,
        handles: Vec::new(),
        conditions: Vec::new(),
    };
    let replies: Vec<_> = message
        .replies
        .layouts()
        .map(|layout| ReplyPlan {
            steps: steps(layout, &mut slots),
            facts: facts(layout),
            ranges: ranges(layout),
        })
        .collect();
    let steps: Vec<_> = message
        .requests
        .layouts()
        .map(|layout| steps(layout, &mut slots))
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
        facts: facts(layout),
        echoes: layout.fields.iter().filter_map(echoed).collect(),
        cookies: layout.fields.iter().filter_map(repeated).collect(),
        asked: handles
            .map(|name| layout.field(name).map(|field| field.slice))
            .collect(),
        conditions: conditions
            .map(|when| Condition::new(*when, layout))
            .collect(),
        ranges: ranges(layout),
        fence_values: layout
            .tails
            .iter()
            .position(|tail| tail.role == FieldRole::FenceValues),
        asked_number: RangeParameter::of(layout),
    }
}

fn facts(layout: &'static Layout) -> Vec<Fact> {
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
                    | FieldRole::OverBudget
                    | FieldRole::Budget
                    | FieldRole::InUse
            )
        })
        .map(|field| Fact {
            role: field.role,
            field,
        })
        .collect()
}

/// The places of a part where handles stand that do something.
fn steps(layout: &'static Layout, slots: &mut RequestSlots) -> Vec<HandleStep> {
    let mut steps = Vec::new();
    for field in layout.fields {
        let place = Place::Fixed {
            at: field.at,
            count: field.count,
            used: field.used_count.and_then(|used| used.slice),
        };
        step(field, place, slots, &mut steps);
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
                step(&field, place, slots, &mut steps);
            }
            TailElement::Struct(structure) => members(index, structure, slots, &mut steps),
        }
    }
    steps
}

fn members(
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
        // What applies only to some elements is not followed: its condition
        // stands in the element.
        if field.when.is_some() {
            continue;
        }
        let place = Place::Tail {
            tail,
            stride: structure.size,
            member: field.at,
        };
        let before = steps.len();
        step(field, place, slots, steps);
        if let Some(step) = steps.get_mut(before) {
            step.bytes_at = size;
        }
    }
}

fn step(field: &Field, place: Place, slots: &mut RequestSlots, steps: &mut Vec<HandleStep>) {
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
            .position(|step| step.name == *name && step.life == ObjectEffect::Creates);
        if let Some(index) = created {
            owners.extend(u8::try_from(index).ok().map(OwnerCandidate::Created));
        }
        owners.extend(slots.handle(name).map(OwnerCandidate::Asked));
    }
    let bit = |when: Option<When>, slots: &mut RequestSlots| match when {
        Some(when) => slots.condition(when),
        None => 0,
    };
    steps.push(HandleStep {
        place,
        size: field.ty.size(),
        name: field.name,
        kinds,
        life: field.effect,
        role: field.role,
        owner: field.owner,
        owners,
        when: field.when.filter(|when| !when.of_request),
        life_bit: bit(field.effect_when, slots),
        owner_bit: bit(field.owner.when, slots),
        bytes_at: None,
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
                let (asked, conditions) = (&request.asked, &request.conditions);
                assert!(asked.len() <= MAX_ASKED, "{name}: {asked:?}");
                assert!(conditions.len() <= 8, "{name}");
            }
            for step in plan.replies.iter().flat_map(|reply| &reply.steps) {
                let wanted = step.owner.fields.len();
                assert!(step.owners.len() >= wanted, "{name}.{}", step.name);
            }
        }
        assert!(cookies(&CATALOG).len() <= 8);
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
                OwnerCandidate::Asked(_),
                OwnerCandidate::Asked(_)
            ]
        ));
        assert_eq!(allocation.bytes_at, Some(16));
    }
}
