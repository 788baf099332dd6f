//! A message as a tree of lines, for the detail view and `-V`.

use std::ops::Range;

use super::handles::object_kinds;
use super::{ArrayRef, Decoded, FieldRef, LocatedBody, RegionOwner, Value};
use crate::schema::{FieldType, ObjectKind, TailElement};

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNode {
    /// Depth in the tree; 0 is the root.
    pub depth: u8,
    /// The name of the header, field or element.
    pub label: String,
    /// The value; empty if the line only has children.
    pub text: String,
    /// The bytes of the line in the payload.
    pub range: Range<usize>,
    /// The name of the field in filters, if it has one.
    pub field: Option<String>,
    /// The object that the value names: its possible kinds and its handle.
    pub object: Option<(&'static [ObjectKind], u64)>,
}

/// The lines of a whole message. At most `elements` elements of a tail are listed; a
/// last line counts the others.
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
        fixed_nodes(&header, "", 1, &mut nodes);
    }
    match &decoded.body {
        Some(body) => body_nodes(decoded, body, elements, &mut nodes),
        None => undescribed_body(decoded, &mut nodes),
    }
    // Parts of a message that is too short may lie after its end.
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

/// Adds the lines of a body whose layout is known.
fn body_nodes(
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
    fixed_nodes(body, &prefix, 1, nodes);
    for tail in body.tails() {
        tail_nodes(&tail, &prefix, elements, nodes);
    }
    for region in decoded.regions() {
        if let Some(label) = region_label(region.owner) {
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

/// The label of bytes that are neither a header, a field, a tail nor padding.
fn region_label(owner: RegionOwner) -> Option<&'static str> {
    match owner {
        RegionOwner::Header(_)
        | RegionOwner::Field(_)
        | RegionOwner::Tail(_)
        | RegionOwner::Padding
        | RegionOwner::InactiveAlternative => None,
        RegionOwner::Unused => Some("unused"),
        RegionOwner::RingPadding => Some("ring padding"),
        RegionOwner::Opaque => Some("not read by the driver"),
        RegionOwner::UnlocatedTails => Some("counts not captured"),
        RegionOwner::Trailing => Some("trailing bytes"),
    }
}

/// Adds the line of a body whose layout is not known, or of a reply that is too short.
fn undescribed_body(decoded: &Decoded<'_>, nodes: &mut Vec<FieldNode>) {
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
    if let Some(short) = &decoded.short_reply
        && let Some(status) = short.status
    {
        let status = u64::from(status);
        let value = Value::from_number(FieldType::NtStatus, status).to_string();
        nodes.push(FieldNode {
            depth: 1,
            label: "status".to_owned(),
            text: with_number(FieldType::NtStatus, Some(status), value),
            range: short.status_at..short.status_at + 4,
            field: Some("dxg.status".to_owned()),
            object: None,
        });
    }
}

/// Adds the fields and the padding of a fixed part, by offset.
fn fixed_nodes(body: &LocatedBody<'_>, prefix: &str, depth: u8, nodes: &mut Vec<FieldNode>) {
    let first = nodes.len();
    for spot in body.fields() {
        field_node(&spot, prefix, depth, nodes);
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

fn field_node(spot: &FieldRef<'_>, prefix: &str, depth: u8, nodes: &mut Vec<FieldNode>) {
    let used = spot.used_elements * usize::from(spot.field.ty.size());
    let bytes = match spot.field.used_count {
        Some(_) => spot.bytes.get(..used).unwrap_or(spot.bytes),
        None => spot.bytes,
    };
    let text = match Value::from_field(spot.field, bytes) {
        Some(value) => value.to_string(),
        None => "(not captured)".to_owned(),
    };
    nodes.push(FieldNode {
        depth,
        label: spot.field.name.to_owned(),
        text: with_number(spot.field.ty, spot.number(), text),
        range: spot.at..spot.at + usize::from(spot.field.size()),
        field: Some(format!("dxg.{prefix}{}", spot.field.name)),
        object: named_object(spot.field.ty, spot.number()),
    });
}

/// The object that a value names; `None` if the value is 0 or no handle.
fn named_object(ty: FieldType, number: Option<u64>) -> Option<(&'static [ObjectKind], u64)> {
    Some((object_kinds(ty)?, number.filter(|number| *number != 0)?))
}

/// Appends the number to a name, so that both can be searched for.
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
    for spot in tail.view_fields() {
        field_node(&spot, &format!("{prefix}{name}."), 2, nodes);
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
                    field_node(&spot, &format!("{prefix}{name}."), 3, nodes);
                }
            }
            TailElement::Value(ty) => {
                let value = Value::from_bytes(ty, tail.element(index));
                let number = value.as_ref().and_then(Value::as_number);
                nodes.push(FieldNode {
                    depth: 2,
                    label: format!("[{index}]"),
                    text: value.map_or("(not captured)".to_owned(), |value| value.to_string()),
                    range: at..at + size,
                    field: Some(path.clone()),
                    object: named_object(ty, number),
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
