//! A message as a tree of lines: for the detail view and for `-V`.

use std::ops::Range;

use super::handles::kinds;
use super::{ArrayRef, Decoded, FieldRef, LocatedBody, RegionOwner, Value};
use crate::schema::{FieldType, ObjectKind, TailElement};

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNode {
    /// How far below the root.
    pub depth: u8,
    /// What it is: a header, a field, an element.
    pub label: String,
    /// What it says; empty if there are only lines below it.
    pub text: String,
    /// The bytes that it stands for, in the payload.
    pub range: Range<usize>,
    /// The field's name in filters, if it has one.
    pub field: Option<String>,
    /// The object that it names: the kinds that it may be of, and its handle.
    pub object: Option<(&'static [ObjectKind], u64)>,
}

/// The whole message as lines. Of a longer tail, only `elements` elements are
/// listed, and a line says how many there are more.
pub fn tree(decoded: &Decoded<'_>, elements: usize) -> Vec<FieldNode> {
    let mut nodes = Vec::new();
    for header in decoded.headers() {
        let start = header.base;
        let size = usize::from(header.layout.size).min(header.length);
        let label = if header.layout.size < crate::schema::HEADER {
            "extended header"
        } else {
            "command header"
        };
        nodes.push(FieldNode::parent(0, label, start..start + size));
        fixed(&header, "", 1, &mut nodes);
    }
    match &decoded.body {
        Some(body) => message(decoded, body, elements, &mut nodes),
        None => raw(decoded, &mut nodes),
    }
    // Of a message that is too short, some parts would lie behind its end.
    let end = decoded.payload.length;
    for node in &mut nodes {
        node.range = node.range.start.min(end)..node.range.end.min(end);
    }
    nodes
}

impl FieldNode {
    fn parent(depth: u8, label: impl Into<String>, range: Range<usize>) -> Self {
        Self {
            depth,
            label: label.into(),
            text: String::new(),
            range,
            field: None,
            object: None,
        }
    }

    fn plain(depth: u8, label: impl Into<String>, text: String, range: Range<usize>) -> Self {
        Self {
            text,
            ..Self::parent(depth, label, range)
        }
    }
}

/// A body of known layout.
fn message(
    decoded: &Decoded<'_>,
    body: &LocatedBody<'_>,
    elements: usize,
    nodes: &mut Vec<FieldNode>,
) {
    let prefix = format!("{}.", decoded.name());
    let start = body.base + usize::from(body.layout.start);
    let end = body.base.saturating_add(body.length);
    let label = format!("{} {}", decoded.name(), decoded.part.name());
    nodes.push(FieldNode::parent(0, label, start..end.max(start)));
    fixed(body, &prefix, 1, nodes);
    for tail in body.tails() {
        tail_nodes(&tail, &prefix, elements, nodes);
    }
    for region in decoded.spans() {
        if let Some(label) = behind(region.owner) {
            let range = region.at..region.at.saturating_add(region.length);
            let bytes = decoded.payload.data.get(range.start..).unwrap_or_default();
            let bytes = bytes.get(..region.length).unwrap_or(bytes);
            nodes.push(FieldNode::plain(
                1,
                label,
                Value::Bytes(bytes).to_string(),
                range,
            ));
        }
    }
}

/// What to call bytes that are neither field, tail nor padding between fields.
fn behind(owner: RegionOwner) -> Option<&'static str> {
    match owner {
        RegionOwner::Header(_)
        | RegionOwner::Field(_)
        | RegionOwner::Tail(_)
        | RegionOwner::Padding
        | RegionOwner::Idle => None,
        RegionOwner::Unused => Some("unused"),
        RegionOwner::Ring => Some("ring padding"),
        RegionOwner::Opaque => Some("not read by the driver"),
        RegionOwner::Unplaced => Some("counts not captured"),
        RegionOwner::Excess => Some("trailing bytes"),
    }
}

/// A body of which nothing but its length is known.
fn raw(decoded: &Decoded<'_>, nodes: &mut Vec<FieldNode>) {
    let header = match decoded.frame {
        Some(_) => usize::from(crate::schema::HEADER),
        None => 0,
    };
    let start = decoded.base + header;
    let bytes = decoded.payload.data.get(start..).unwrap_or_default();
    if !bytes.is_empty() {
        let label = format!("{} {}", decoded.name(), decoded.part.name());
        let range = start..decoded.payload.length;
        nodes.push(FieldNode::plain(
            0,
            label,
            Value::Bytes(bytes).to_string(),
            range,
        ));
    }
}

/// The fields and the padding of a fixed part, by offset.
fn fixed(body: &LocatedBody<'_>, prefix: &str, depth: u8, nodes: &mut Vec<FieldNode>) {
    let first = nodes.len();
    for spot in body.fields() {
        field(&spot, prefix, depth, nodes);
    }
    for (at, length) in body.layout.gaps.iter().take_while(|gap| gap.1 > 0) {
        let (at, length) = (usize::from(*at), usize::from(*length));
        if at + length <= body.length {
            let text = Value::Bytes(body.bytes(at, length)).to_string();
            let range = body.base + at..body.base + at + length;
            nodes.push(FieldNode::plain(depth, "padding", text, range));
        }
    }
    if let Some(added) = nodes.get_mut(first..) {
        added.sort_by_key(|node| node.range.start);
    }
}

fn field(spot: &FieldRef<'_>, prefix: &str, depth: u8, nodes: &mut Vec<FieldNode>) {
    let used = spot.used * usize::from(spot.field.ty.size());
    let bytes = match spot.field.used {
        Some(_) => spot.bytes.get(..used).unwrap_or(spot.bytes),
        None => spot.bytes,
    };
    let text = match Value::of_field(spot.field, bytes) {
        Some(value) => value.to_string(),
        None => "(not captured)".to_owned(),
    };
    nodes.push(FieldNode {
        depth,
        label: spot.field.name.to_owned(),
        text: with_number(spot.field.ty, spot.number(), text),
        range: spot.at..spot.at + usize::from(spot.field.size()),
        field: Some(format!("dxg.{prefix}{}", spot.field.name)),
        object: object(spot.field.ty, spot.number()),
    });
}

/// The object that a value names; 0 names none.
fn object(ty: FieldType, number: Option<u64>) -> Option<(&'static [ObjectKind], u64)> {
    Some((kinds(ty)?, number.filter(|number| *number != 0)?))
}

/// A name is followed by its number, so that both can be searched for.
fn with_number(ty: FieldType, number: Option<u64>, text: String) -> String {
    match (ty, number) {
        (FieldType::NtStatus, Some(number)) if !text.starts_with("0x") => {
            format!("{text} ({number:#010x})")
        }
        (FieldType::Enum(_), Some(number))
            if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') =>
        {
            format!("{text} ({number})")
        }
        _ => text,
    }
}

fn tail_nodes(tail: &ArrayRef<'_>, prefix: &str, elements: usize, nodes: &mut Vec<FieldNode>) {
    let name = tail.tail.name;
    let path = format!("dxg.{prefix}{name}");
    let range = tail.at..tail.at.saturating_add(tail.size());
    let opaque = matches!(tail.tail.element, TailElement::Value(FieldType::Byte));
    let text = if opaque {
        let shown = Value::Bytes(tail.bytes);
        format!("{} bytes {shown}", tail.count)
    } else {
        format!("{} entries", tail.count)
    };
    nodes.push(FieldNode {
        depth: 1,
        label: name.to_owned(),
        text,
        range,
        field: Some(path.clone()),
        object: None,
    });
    for spot in tail.viewed() {
        field(&spot, &format!("{prefix}{name}."), 2, nodes);
    }
    if opaque {
        return;
    }
    let size = usize::from(tail.tail.element.size());
    for index in 0..tail.count.min(elements) {
        let at = tail.at + index * size;
        match tail.tail.element {
            TailElement::Struct(_) => {
                nodes.push(FieldNode::parent(2, format!("[{index}]"), at..at + size));
                for spot in tail.members(index) {
                    field(&spot, &format!("{prefix}{name}."), 3, nodes);
                }
            }
            TailElement::Value(ty) => {
                let value = Value::of_bytes(ty, tail.element(index));
                let number = value.as_ref().and_then(Value::raw);
                nodes.push(FieldNode {
                    depth: 2,
                    label: format!("[{index}]"),
                    text: value.map_or("(not captured)".to_owned(), |value| value.to_string()),
                    range: at..at + size,
                    field: Some(path.clone()),
                    object: object(ty, number),
                });
            }
        }
    }
    if tail.count > elements {
        let rest = tail.count - elements;
        let at = tail.at + elements * size;
        let range = at..tail.at.saturating_add(tail.size());
        nodes.push(FieldNode::plain(2, "..", format!("{rest} more"), range));
    }
}
