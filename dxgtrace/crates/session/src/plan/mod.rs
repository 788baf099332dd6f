//! The description, prepared for following objects: for each message the
//! places where handles stand, and what they mean.
//!
//! Made once from the table. Walking a plan costs a few reads a packet, where
//! walking the table would look every name up again.

mod ranges;

use std::sync::LazyLock;

use self::ranges::ranges;
pub(super) use self::ranges::{RangeParameter, RangeStep};

use dxgtrace_protocol::decode::LocatedBody;
use dxgtrace_protocol::decode::read;
use dxgtrace_protocol::schema::{
    Field, FieldRole, FieldType, Layout, Message, ObjectEffect, ObjectKind, ObjectOwner, Struct,
    TailElement, When,
};
use dxgtrace_protocol::table;

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
    /// One value, or an array of which as many are in use as the `u32` at
    /// `used` says.
    Fixed {
        at: u16,
        count: u16,
        used: Option<u16>,
    },
    /// A member of every element of the tail with that number.
    Tail { tail: u8, stride: u16, member: u16 },
}

/// A condition, resolved to an offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    at: u16,
    size: u16,
    when: When,
}

impl Condition {
    fn new(when: When, fields: &'static [Field]) -> Option<Self> {
        let field = fields.iter().find(|field| field.name == when.field)?;
        Some(Self {
            at: field.at,
            size: field.ty.size(),
            when,
        })
    }

    /// Whether it holds. What was not captured holds nothing.
    pub fn holds(&self, body: &LocatedBody<'_>) -> bool {
        body.number(usize::from(self.at), self.size)
            .is_some_and(|value| self.when.holds(value))
    }

    /// Whether it holds of an element.
    pub fn holds_in(&self, element: &[u8]) -> bool {
        read(element, usize::from(self.at), self.size).is_some_and(|value| self.when.holds(value))
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
    pub when: Option<Condition>,
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

/// A reply, prepared.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplyPlan {
    pub version: u32,
    pub steps: Vec<HandleStep>,
    pub facts: Vec<Fact>,
    pub ranges: Vec<RangeStep>,
}

/// A message, prepared.
#[derive(Debug, Clone)]
pub(super) struct MessagePlan {
    pub message: &'static Message,
    pub steps: Vec<HandleStep>,
    pub facts: Vec<Fact>,
    /// Fields that an event must repeat: field, its place in the cookies.
    pub echoes: Vec<(&'static Field, u8)>,
    /// Fields of the request that an event will repeat.
    pub cookies: Vec<(&'static Field, u8)>,
    /// Offsets of the handles that the reply's objects may belong to.
    pub asked: Vec<u16>,
    /// Conditions on the request that its reply needs: bit 0 on.
    pub conditions: Vec<Condition>,
    pub replies: Vec<ReplyPlan>,
    /// Ranges of GPU addresses to which the request does something.
    pub ranges: Vec<RangeStep>,
    /// The tail that holds the values of the fences in the request.
    pub fence_values: Option<usize>,
    /// A number of the request that the reply needs.
    pub asked_number: Option<RangeParameter>,
}

impl MessagePlan {
    /// The reply's plan at an interface version.
    pub fn reply_at(&self, version: u32) -> Option<&ReplyPlan> {
        self.replies.iter().find(|reply| reply.version <= version)
    }
}

/// The plan of a message.
pub(super) fn plan(message: &Message) -> Option<&'static MessagePlan> {
    PLANS.get(table::place(message)?)?.as_ref()
}

/// Whether messages tell when objects of that kind begin.
pub(super) fn is_announced(kind: ObjectKind) -> bool {
    static ANNOUNCED: LazyLock<ObjectKinds> = LazyLock::new(|| {
        let plans = PLANS.iter().flatten();
        let steps = plans.flat_map(|plan| {
            let replies = plan.replies.iter().flat_map(|reply| &reply.steps);
            plan.steps.iter().chain(replies)
        });
        let creating = steps.filter(|step| step.life == ObjectEffect::Creates);
        ObjectKinds(creating.fold(0, |kinds, step| kinds | step.kinds.0))
    });
    ANNOUNCED.has(kind)
}

/// Names of the fields that are repeated by events: message and field.
static COOKIES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    use dxgtrace_protocol::schema::FieldRule;
    let mut cookies = Vec::new();
    let bodies = table::all().filter_map(|message| message.request.as_ref());
    for field in bodies.flat_map(|body| body.fields) {
        if let FieldRule::Echoes { message, field } = field.rule
            && !cookies.contains(&(message, field))
        {
            cookies.push((message, field));
        }
    }
    cookies
});

static PLANS: LazyLock<Vec<Option<MessagePlan>>> = LazyLock::new(|| {
    let mut plans = vec![None; table::PLACES];
    for message in table::all() {
        let place = table::place(message).and_then(|place| plans.get_mut(place));
        if let (Some(place), Some(plan)) = (place, prepare(message)) {
            *place = Some(plan);
        }
    }
    plans
});

fn prepare(message: &'static Message) -> Option<MessagePlan> {
    use dxgtrace_protocol::schema::FieldRule;
    let request = message.request.as_ref()?;
    let mut plan = MessagePlan {
        message,
        steps: Vec::new(),
        facts: facts(request),
        echoes: Vec::new(),
        cookies: Vec::new(),
        asked: Vec::new(),
        conditions: Vec::new(),
        replies: Vec::new(),
        ranges: ranges(request),
        fence_values: request
            .tails
            .iter()
            .position(|tail| tail.role == FieldRole::FenceValues),
        asked_number: RangeParameter::of(request),
    };
    plan.steps = steps(request, request, &mut plan);
    for field in request.fields {
        let place = |name: &str, of: &str| {
            let found = COOKIES.iter().position(|cookie| *cookie == (of, name))?;
            u8::try_from(found).ok()
        };
        if let FieldRule::Echoes { message, field: of } = field.rule
            && let Some(place) = place(of, message)
        {
            plan.echoes.push((field, place));
        }
        if let Some(place) = place(field.name, message.name) {
            plan.cookies.push((field, place));
        }
    }
    for reply in message.replies.iter().flatten() {
        let layout: &'static Layout = &reply.layout;
        let steps = steps(layout, request, &mut plan);
        plan.replies.push(ReplyPlan {
            version: reply.version,
            steps,
            facts: facts(layout),
            ranges: ranges(layout),
        });
    }
    Some(plan)
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
fn steps(
    layout: &'static Layout,
    request: &'static Layout,
    plan: &mut MessagePlan,
) -> Vec<HandleStep> {
    let mut steps = Vec::new();
    for field in layout.fields {
        let place = Place::Fixed {
            at: field.at,
            count: field.count,
            used: field
                .used
                .and_then(|used| layout.field(used))
                .map(|used| used.at),
        };
        step(field, place, layout.fields, request, plan, &mut steps);
    }
    for (index, tail) in layout.tails.iter().enumerate() {
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        match tail.element {
            TailElement::Value(ty) => {
                let field = Field {
                    rule: tail.rule,
                    life: tail.life,
                    life_when: tail.life_when,
                    owner: tail.owner,
                    role: tail.role,
                    ..dxgtrace_protocol::schema::field(0, tail.name, ty, tail.doc)
                };
                let place = Place::Tail {
                    tail: index,
                    stride: ty.size(),
                    member: 0,
                };
                step(&field, place, layout.fields, request, plan, &mut steps);
            }
            TailElement::Struct(structure) => members(index, structure, request, plan, &mut steps),
        }
    }
    steps
}

fn members(
    tail: u8,
    structure: &'static Struct,
    request: &'static Layout,
    plan: &mut MessagePlan,
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
        step(field, place, &[], request, plan, steps);
        if let Some(step) = steps.get_mut(before) {
            step.bytes_at = size;
        }
    }
}

fn step(
    field: &Field,
    place: Place,
    fields: &'static [Field],
    request: &'static Layout,
    plan: &mut MessagePlan,
    steps: &mut Vec<HandleStep>,
) {
    let kinds = match field.ty {
        FieldType::Handle(kinds) if field.life != ObjectEffect::None => ObjectKinds::of(kinds),
        FieldType::Event if field.life != ObjectEffect::None => {
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
        if let Some(asked) = request.field(name) {
            owners.extend(remember(&mut plan.asked, asked.at).map(OwnerCandidate::Asked));
        }
    }
    let bit = |when: Option<When>, plan: &mut MessagePlan| match when {
        Some(when) => condition(&mut plan.conditions, when, request),
        None => 0,
    };
    steps.push(HandleStep {
        place,
        size: field.ty.size(),
        name: field.name,
        kinds,
        life: field.life,
        role: field.role,
        owner: field.owner,
        owners,
        when: field
            .when
            .filter(|when| !when.of_request)
            .and_then(|when| Condition::new(when, fields)),
        life_bit: bit(field.life_when, plan),
        owner_bit: bit(field.owner.when, plan),
        bytes_at: None,
    });
}

/// The slot in which a request's handle is kept.
fn remember(asked: &mut Vec<u16>, at: u16) -> Option<u8> {
    let place = asked.iter().position(|other| *other == at).or_else(|| {
        asked.push(at);
        asked.len().checked_sub(1)
    })?;
    (place < MAX_ASKED).then_some(place as u8)
}

/// The bit for a condition, plus 1.
fn condition(conditions: &mut Vec<Condition>, when: When, request: &'static Layout) -> u8 {
    let Some(new) = Condition::new(when, request.fields) else {
        return 0;
    };
    let same = |old: &Condition| {
        (old.at, old.size, old.when.mask) == (new.at, new.size, when.mask)
            && old.when.values == when.values
    };
    let place = conditions.iter().position(same).unwrap_or_else(|| {
        conditions.push(new);
        conditions.len() - 1
    });
    u8::try_from(place + 1).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_fits_into_a_requests_memory() {
        for plan in PLANS.iter().flatten() {
            let name = plan.message.name;
            assert!(plan.asked.len() <= MAX_ASKED, "{name}: {:?}", plan.asked);
            assert!(plan.conditions.len() <= 8, "{name}");
            for step in plan.replies.iter().flat_map(|reply| &reply.steps) {
                let wanted = step.owner.fields.len();
                assert!(step.owners.len() >= wanted, "{name}.{}", step.name);
            }
        }
        assert!(COOKIES.len() <= 8);
    }

    #[test]
    fn an_allocation_belongs_to_the_resource_before_the_device() {
        let message = table::by_name("create_allocation").unwrap();
        let plan = plan(message).unwrap();
        let reply = plan.reply_at(40).unwrap();
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
