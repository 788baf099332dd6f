//! The arrays behind the fixed part.

use super::field::{FieldRole, FieldRule, ObjectEffect, ObjectOwner, When};
use super::structure::Struct;
use super::ty::FieldType;

/// What a tail is an array of.
#[derive(Debug, Clone, Copy)]
pub enum TailElement {
    /// Of single values.
    Value(FieldType),
    /// Of structures.
    Struct(&'static Struct),
}

impl TailElement {
    /// Bytes of one element.
    pub const fn size(self) -> u16 {
        match self {
            Self::Value(ty) => ty.size(),
            Self::Struct(structure) => structure.size,
        }
    }
}

/// How many elements a tail has. Names mean fields of the same part unless
/// said otherwise.
#[derive(Debug, Clone, Copy)]
pub enum TailLength {
    /// As many as the field says.
    Field(&'static str),
    /// As many as the field says, but at least one.
    FieldOrOne(&'static str),
    /// As many as the field says if the message goes on, else none: only the
    /// message's length tells.
    FieldIfRoom(&'static str),
    /// The sum of a member over all elements of an earlier tail.
    SumOf(&'static str, &'static str),
    /// As many bytes as the fixed total length leaves.
    Fill,
    /// Bytes of a result area: `head`, then `element` bytes for each that the
    /// field counts (at least one), rounded up to 8.
    ResultArea {
        /// Bytes before the elements.
        head: u32,
        /// Bytes of one element.
        element: u32,
        /// The field that counts them.
        count: &'static str,
    },
    /// In a reply: as many as the request's field says.
    Request(&'static str),
    /// In a reply: as many as the request's field says, but at least one.
    RequestOrOne(&'static str),
    /// In a reply: as many as the request's first field says if its second
    /// one is not 0, else none.
    RequestIf(&'static str, &'static str),
    /// In a reply: the value of any 32-bit field of the request.
    RequestWord(&'static str),
    /// In a reply: the sum of a member over a tail of the request.
    RequestSumOf(&'static str, &'static str),
}

/// An array behind the fixed part. Tails have no alignment of their own.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    /// Its name.
    pub name: &'static str,
    /// What it is an array of.
    pub element: TailElement,
    /// How many elements there are.
    pub len: TailLength,
    /// How many elements the driver counts on when it sizes its reply buffer,
    /// where that differs from `len`.
    pub expects: Option<TailLength>,
    /// A structure at the start of opaque data, when the condition holds.
    pub view: Option<(&'static Struct, When)>,
    /// What its values must obey.
    pub rule: FieldRule,
    /// What the message does to the objects it names.
    pub life: ObjectEffect,
    /// The life applies only if this holds of the request.
    pub life_when: Option<When>,
    /// Of created objects: to what they belong.
    pub owner: ObjectOwner,
    /// What the values mean beyond the message.
    pub role: FieldRole,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

/// A tail of single values.
pub const fn tail(name: &'static str, ty: FieldType, len: TailLength, doc: &'static str) -> Tail {
    tail_of(name, TailElement::Value(ty), len, doc)
}

/// A tail of structures.
pub const fn structs(
    name: &'static str,
    structure: &'static Struct,
    len: TailLength,
    doc: &'static str,
) -> Tail {
    tail_of(name, TailElement::Struct(structure), len, doc)
}

const fn tail_of(
    name: &'static str,
    element: TailElement,
    len: TailLength,
    doc: &'static str,
) -> Tail {
    Tail {
        name,
        element,
        len,
        expects: None,
        view: None,
        rule: FieldRule::Any,
        life: ObjectEffect::None,
        life_when: None,
        owner: ObjectOwner::PROCESS,
        role: FieldRole::None,
        doc,
    }
}

impl Tail {
    /// Whether it may hold values with names that are worth a word if they have
    /// none.
    pub(super) const fn has_names(&self) -> bool {
        let named = match self.element {
            TailElement::Struct(structure) => structure.named,
            TailElement::Value(ty) => matches!(ty, FieldType::Enum(_) | FieldType::Bool),
        };
        (named || self.view.is_some()) && !matches!(self.rule, FieldRule::Output)
    }

    /// The driver counts on this many elements.
    pub const fn expects(mut self, len: TailLength) -> Self {
        self.expects = Some(len);
        self
    }

    /// The data begin with a structure when the condition holds.
    pub const fn viewed_as(mut self, structure: &'static Struct, when: When) -> Self {
        self.view = Some((structure, when));
        self
    }

    /// The content means nothing: the guest sends along what is left there.
    pub const fn output(mut self) -> Self {
        self.rule = FieldRule::Output;
        self
    }

    /// The objects exist from the successful reply on.
    pub const fn creates(mut self) -> Self {
        self.life = ObjectEffect::Creates;
        self
    }

    /// The created objects belong to what the first of these fields names that
    /// is not 0, and end with it.
    pub const fn within(mut self, fields: &'static [&'static str]) -> Self {
        self.owner.fields = fields;
        self
    }

    /// What the values mean beyond the message.
    pub const fn role(mut self, role: FieldRole) -> Self {
        self.role = role;
        self
    }

    /// The objects end with the successful reply.
    pub const fn destroys(mut self) -> Self {
        self.life = ObjectEffect::Destroys;
        self
    }

    /// The objects are named as a hint.
    pub const fn mentions(mut self) -> Self {
        self.life = ObjectEffect::Mentions;
        self
    }

    /// The objects must exist.
    pub const fn uses(mut self) -> Self {
        self.life = ObjectEffect::Uses;
        self
    }
}
