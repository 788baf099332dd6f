//! The arrays after the fixed part.

use super::field::{FieldRole, FieldRule, ObjectEffect, ObjectOwner, When};
use super::structure::Struct;
use super::ty::FieldType;

/// The element type of a tail.
#[derive(Debug, Clone, Copy)]
pub enum TailElement {
    /// An array of single values.
    Value(FieldType),
    /// An array of structures.
    Struct(&'static Struct),
}

impl TailElement {
    /// Size of one element in bytes.
    pub const fn size(self) -> u16 {
        match self {
            Self::Value(ty) => ty.size(),
            Self::Struct(structure) => structure.size,
        }
    }
}

/// How many elements a tail has. Names refer to fields of the same part unless the
/// variant says otherwise.
#[derive(Debug, Clone, Copy)]
pub enum TailLength {
    /// The value of the field.
    Field(&'static str),
    /// The value of the field, but at least 1.
    FieldOrOne(&'static str),
    /// The value of the field if the message is long enough for that many elements,
    /// else 0.
    FieldIfRoom(&'static str),
    /// The sum of a member over the elements of an earlier tail: tail, member.
    SumOf(&'static str, &'static str),
    /// The bytes left up to the fixed total length.
    Fill,
    /// The bytes of a result area: `head`, then `element` bytes for each element that
    /// `count` counts (at least one), rounded up to a multiple of 8.
    ResultArea {
        /// Number of bytes before the elements.
        head: u32,
        /// Size of one element in bytes.
        element: u32,
        /// The field that counts the elements.
        count: &'static str,
    },
    /// In a reply: the value of the request's field.
    Request(&'static str),
    /// In a reply: the value of the request's field, but at least 1.
    RequestOrOne(&'static str),
    /// In a reply: the value of the request's first field if its second field is not
    /// 0, else 0.
    RequestIf(&'static str, &'static str),
    /// In a reply: the value of a 32-bit field of any type of the request.
    RequestWord(&'static str),
    /// In a reply: the sum of a member over a tail of the request: tail, member.
    RequestSumOf(&'static str, &'static str),
}

/// An array after the fixed part. Tails are not aligned.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    /// Its name.
    pub name: &'static str,
    /// The element type.
    pub element: TailElement,
    /// The number of elements.
    pub len: TailLength,
    /// The number of elements for which the driver sizes its reply buffer, if that
    /// differs from `len`.
    pub expected_len: Option<TailLength>,
    /// A structure at the start of opaque data, and the condition for it.
    pub view: Option<(&'static Struct, When)>,
    /// The rule for its values.
    pub rule: FieldRule,
    /// What the message does to the objects that the values name.
    pub effect: ObjectEffect,
    /// A condition on the request without which `effect` does not apply.
    pub effect_when: Option<When>,
    /// The owner of created objects.
    pub owner: ObjectOwner,
    /// What the values mean for the state of the session.
    pub role: FieldRole,
    /// A sentence that describes it.
    pub doc: &'static str,
}

/// A tail of single values.
pub const fn tail(name: &'static str, ty: FieldType, len: TailLength, doc: &'static str) -> Tail {
    tail_of(name, TailElement::Value(ty), len, doc)
}

/// A tail of structures.
pub const fn struct_tail(
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
        expected_len: None,
        view: None,
        rule: FieldRule::Any,
        effect: ObjectEffect::None,
        effect_when: None,
        owner: ObjectOwner::PROCESS,
        role: FieldRole::None,
        doc,
    }
}

impl Tail {
    /// Whether a value without a name is worth a finding.
    pub(super) const fn has_names(&self) -> bool {
        let named = match self.element {
            TailElement::Struct(structure) => structure.named,
            TailElement::Value(ty) => matches!(ty, FieldType::Enum(_) | FieldType::Bool),
        };
        (named || self.view.is_some()) && !matches!(self.rule, FieldRule::Output)
    }

    /// Declares the number of elements for which the driver sizes its reply buffer.
    pub const fn expected_len(mut self, len: TailLength) -> Self {
        self.expected_len = Some(len);
        self
    }

    /// Declares that the data begin with `structure` if `when` holds.
    pub const fn viewed_as(mut self, structure: &'static Struct, when: When) -> Self {
        self.view = Some((structure, when));
        self
    }

    /// Declares the content as meaningless: the guest sends leftover bytes.
    pub const fn output(mut self) -> Self {
        self.rule = FieldRule::Output;
        self
    }

    /// Declares that a successful reply creates the objects.
    pub const fn creates(mut self) -> Self {
        self.effect = ObjectEffect::Creates;
        self
    }

    /// Declares the owner of the created objects, with which they end: the object that
    /// the first nonzero field of `fields` names.
    pub const fn owned_by(mut self, fields: &'static [&'static str]) -> Self {
        self.owner.fields = fields;
        self
    }

    /// Declares what the values mean for the state of the session.
    pub const fn role(mut self, role: FieldRole) -> Self {
        self.role = role;
        self
    }

    /// Declares that a successful reply destroys the objects.
    pub const fn destroys(mut self) -> Self {
        self.effect = ObjectEffect::Destroys;
        self
    }

    /// Declares that the message names the objects only as a hint.
    pub const fn mentions(mut self) -> Self {
        self.effect = ObjectEffect::Mentions;
        self
    }

    /// Declares that the objects must exist.
    pub const fn uses(mut self) -> Self {
        self.effect = ObjectEffect::Uses;
        self
    }
}
