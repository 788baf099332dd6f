//! Conditions on fields: `device == 0`, `flags & 1 != 0`, `escape_type == D3DKMT_ESCAPE_WARP`.

use crate::decode::Located;
use crate::protocol::schema::{Message, Ty};

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The signs, longer ones first.
const SIGNS: [(&str, Compare); 6] = [
    ("==", Compare::Equal),
    ("!=", Compare::NotEqual),
    ("<=", Compare::LessOrEqual),
    (">=", Compare::GreaterOrEqual),
    ("<", Compare::Less),
    (">", Compare::Greater),
];

/// A field, a mask, a comparison and a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    field: String,
    mask: u64,
    compare: Compare,
    value: u64,
}

impl Condition {
    /// Reads a condition on fields of `messages`, which all must have it.
    pub fn parse(text: &str, messages: &[&'static Message]) -> Result<Self, String> {
        let wrong = |what: &str| format!("condition `{text}`: {what}");
        let (left, compare, right) = SIGNS
            .into_iter()
            .find_map(|(sign, compare)| {
                let (left, right) = text.split_once(sign)?;
                Some((left.trim(), compare, right.trim()))
            })
            .ok_or_else(|| wrong("there is no comparison in it"))?;
        let (field, mask) = match left.split_once('&') {
            Some((field, mask)) => {
                let mask = number(mask.trim()).ok_or_else(|| wrong("the mask is no number"))?;
                (field.trim(), mask)
            }
            None => (left, u64::MAX),
        };
        if messages.is_empty() {
            return Err(wrong("it needs a message whose field it is"));
        }
        let mut value = number(right);
        for message in messages {
            let ty = field_of(message, field)
                .ok_or_else(|| wrong(&format!("{} has no field {field}", message.name)))?;
            if let Ty::Enum(names) = ty {
                value = value.or_else(|| names.number_of(right));
            }
        }
        Ok(Self {
            field: field.to_owned(),
            mask,
            compare,
            value: value.ok_or_else(|| wrong("the right side is no number and no known name"))?,
        })
    }

    /// Whether it holds; not if the field is not there.
    pub fn holds(&self, body: &Located<'_>) -> bool {
        let Some(found) = body.by_name(&self.field) else {
            return false;
        };
        let found = found & self.mask;
        match self.compare {
            Compare::Equal => found == self.value,
            Compare::NotEqual => found != self.value,
            Compare::Less => found < self.value,
            Compare::LessOrEqual => found <= self.value,
            Compare::Greater => found > self.value,
            Compare::GreaterOrEqual => found >= self.value,
        }
    }
}

/// The type of a field of the request or a reply.
fn field_of(message: &Message, name: &str) -> Option<Ty> {
    let replies = message.replies.iter().flatten().map(|reply| &reply.layout);
    message
        .request
        .iter()
        .chain(replies)
        .find_map(|layout| layout.field(name))
        .map(|field| field.ty)
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol;

    fn of(text: &str, message: &str) -> Result<Condition, String> {
        let messages: Vec<_> = protocol::by_name(message).into_iter().collect();
        Condition::parse(text, &messages)
    }

    #[test]
    fn conditions_are_read() {
        let condition = of("device != 0", "create_device").ok();
        assert_eq!(
            condition.map(|c| (c.compare, c.value)),
            Some((Compare::NotEqual, 0))
        );
        let masked = of("flags & 0x3 >= 1", "make_resident").ok();
        assert_eq!(
            masked.map(|c| (c.mask, c.compare)),
            Some((3, Compare::GreaterOrEqual))
        );
    }

    #[test]
    fn conditions_that_mean_nothing_are_refused() {
        for (text, message) in [
            ("device", "create_device"),
            ("no_such_field == 1", "create_device"),
            ("device == blue", "create_device"),
            ("device & x == 1", "create_device"),
            ("device == 1", "no_such_message"),
        ] {
            assert!(of(text, message).is_err(), "{text}");
        }
    }
}
