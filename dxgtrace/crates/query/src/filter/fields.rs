//! The list of all fields, built once by walking the table.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use super::derived::{DERIVED, FieldGetter};
use super::field_path::{FieldPath, FieldPaths, MessageHeader, ValuePlace};
use super::record::{FilterNeeds, FilterRecord, shape_key};
use super::recorded::{self, RecordField};
use super::types::{ValueNames, ValueType};
use dxgtrace_protocol::schema::values::{Bit, Flags};
use dxgtrace_protocol::schema::{
    Field, FieldRule, FieldType, Layout, Message, ObjectKind, Struct, TailElement,
};
use dxgtrace_protocol::table::{self, CATALOG, Catalog};

/// The prefix of this protocol's fields, which may be left out.
pub const PREFIX: &str = "dxg.";

/// A field that filters and columns can name.
#[derive(Debug)]
pub struct FieldInfo {
    /// Its full name.
    pub name: String,
    /// The type of its values.
    pub ty: ValueType,
    /// Width of the widest value in bits.
    pub width: u32,
    /// Whether one packet can hold several values.
    pub many: bool,
    /// A sentence that describes it.
    pub doc: &'static str,
    source: ValueSource,
}

/// Where values come from.
#[derive(Debug)]
enum ValueSource {
    /// Derived by the analysis, or from the frame.
    Derived(FilterNeeds, FieldGetter),
    /// From the record header, a loss or the end of an ioctl.
    Recorded(RecordField),
    /// A bit or bit group of a recorded number.
    RecordedBit(RecordField, &'static Bit),
    /// From the message.
    Paths(FieldPaths),
    /// 1 if the packet holds this message.
    Message(u16),
}

/// The fields of the messages in a catalog, and those of every packet.
#[derive(Debug)]
pub struct FilterFields {
    /// Sorted by name.
    list: Vec<FieldInfo>,
}

/// Every field, sorted by name.
pub fn fields() -> impl ExactSizeIterator<Item = &'static FieldInfo> {
    FIELDS.list.iter()
}

/// The field `name`, with or without [`PREFIX`].
pub fn field(name: &str) -> Option<&'static FieldInfo> {
    FIELDS.field(name)
}

impl FilterFields {
    /// Builds the fields of a catalog.
    pub fn with_catalog(catalog: &Catalog) -> Self {
        let mut list = FieldList::default();
        list.add_headers();
        list.add_generic();
        for message in catalog.all() {
            list.add_message(message);
        }
        Self {
            list: list.finish(),
        }
    }

    /// Every field, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &FieldInfo> {
        self.list.iter()
    }

    /// The field `name`, with or without [`PREFIX`].
    pub fn field(&self, name: &str) -> Option<&FieldInfo> {
        let exact = |name: &str| {
            self.list
                .binary_search_by(|field| field.name.as_str().cmp(name))
                .ok()
                .and_then(|at| self.list.get(at))
        };
        exact(name).or_else(|| exact(&format!("{PREFIX}{name}")))
    }
}

impl FieldInfo {
    /// What reading it needs.
    pub fn needs(&self) -> FilterNeeds {
        match &self.source {
            ValueSource::Derived(needs, _) => *needs,
            ValueSource::Recorded(_) | ValueSource::RecordedBit(..) => FilterNeeds::PACKET,
            ValueSource::Paths(_) | ValueSource::Message(_) => FilterNeeds::DECODE,
        }
    }

    /// Visits every value that a record has.
    pub(super) fn for_each<'a, V>(
        &self,
        record: &FilterRecord<'a>,
        visit: &mut V,
    ) -> ControlFlow<()>
    where
        V: FnMut(ValuePlace<'a>) -> ControlFlow<()>,
    {
        match &self.source {
            ValueSource::Derived(_, FieldGetter::Number(get)) => match get(record) {
                Some(value) => visit(ValuePlace::Number(value)),
                None => ControlFlow::Continue(()),
            },
            ValueSource::Derived(_, FieldGetter::Text(get)) => match get(record) {
                Some(text) => visit(ValuePlace::Bytes(text)),
                None => ControlFlow::Continue(()),
            },
            ValueSource::Recorded(recorded) if matches!(self.ty, ValueType::Text) => {
                match recorded.text(record) {
                    Some(text) => visit(ValuePlace::Bytes(text)),
                    None => ControlFlow::Continue(()),
                }
            }
            ValueSource::Recorded(recorded) => match recorded.number(record) {
                Some(value) => visit(ValuePlace::Number(value)),
                None => ControlFlow::Continue(()),
            },
            ValueSource::Derived(_, FieldGetter::Findings(get)) => {
                for finding in record.findings {
                    visit(ValuePlace::Number(get(finding)))?;
                }
                ControlFlow::Continue(())
            }
            ValueSource::RecordedBit(recorded, bit) => match recorded.number(record) {
                Some(value) => visit(ValuePlace::Number(i128::from(bit.extract(value as u64)))),
                None => ControlFlow::Continue(()),
            },
            ValueSource::Paths(paths) => match record.decoded {
                Some(decoded) => paths.for_each(decoded, visit),
                None => ControlFlow::Continue(()),
            },
            ValueSource::Message(place) => {
                let message = record.decoded.and_then(|decoded| decoded.message);
                match message.and_then(table::catalog_index) {
                    Some(found) if found == usize::from(*place) => visit(ValuePlace::Number(1)),
                    _ => ControlFlow::Continue(()),
                }
            }
        }
    }
}

/// The fields of the built-in catalog.
pub(super) static FIELDS: LazyLock<FilterFields> =
    LazyLock::new(|| FilterFields::with_catalog(&CATALOG));

/// The list under construction.
#[derive(Default)]
struct FieldList {
    /// Fields that are read from messages, by name.
    entries: BTreeMap<String, FieldEntry>,
    messages: Vec<FieldInfo>,
}

/// A field under construction.
struct FieldEntry {
    ty: ValueType,
    doc: &'static str,
    many: bool,
    paths: FieldPaths,
}

/// One shape of a message.
struct MessageShape<'a> {
    key: u16,
    layout: &'static Layout,
    message: &'a str,
    /// Whether the guest sends it.
    from_guest: bool,
}

impl FieldList {
    fn add_headers(&mut self) {
        for header in MessageHeader::ALL {
            for field in header.layout().fields {
                let ty = ValueType::of(field.ty, field.bits.is_some(), false);
                let entry = self.entry_or_new(format!("{PREFIX}{}", field.name), ty, field.doc);
                entry.paths.push_header(*header, field);
            }
        }
    }

    /// Adds the names that stand for a kind of value in any message.
    fn add_generic(&mut self) {
        for kind in ObjectKind::ALL {
            let ty = match kind {
                ObjectKind::GuestEvent => ValueType::Unsigned,
                _ => ValueType::Handle(&[]),
            };
            let entry = self.entry_or_new(format!("{PREFIX}{}", kind.name()), ty, kind_doc(*kind));
            entry.many = true;
        }
        let status = ValueType::Named(ValueNames::Status);
        let doc = "A status of the host, in any message.";
        let entry = self.entry_or_new(format!("{PREFIX}status"), status, doc);
        entry.paths.push_status_alone();
    }

    fn add_message(&mut self, message: &'static Message) {
        let Some(place) = table::catalog_index(message) else {
            return;
        };
        self.messages.push(FieldInfo {
            name: format!("{PREFIX}{}", message.name),
            ty: ValueType::Label,
            width: 1,
            many: false,
            doc: message.doc,
            source: ValueSource::Message(u16::try_from(place).unwrap_or(u16::MAX)),
        });
        let guest = message.set != dxgtrace_protocol::schema::MessageSet::Host;
        let requests = message.requests.layouts().map(|layout| (false, layout));
        let replies = message.replies.layouts().map(|layout| (true, layout));
        for (is_reply, layout) in requests.chain(replies) {
            self.add_shape(&MessageShape {
                key: shape_key(place, is_reply, layout),
                layout,
                message: message.name,
                from_guest: guest && !is_reply,
            });
        }
    }

    fn add_shape(&mut self, shape: &MessageShape<'_>) {
        let prefix = format!("{PREFIX}{}", shape.message);
        for field in shape.layout.fields {
            let unused = shape.from_guest && matches!(field.rule, FieldRule::Output);
            let path = FieldPath::field(shape.key, field);
            self.add_field(&prefix, field, path, unused);
        }
        for (index, tail) in (0_u8..).zip(shape.layout.tails) {
            let name = format!("{prefix}.{}", tail.name);
            let unused = shape.from_guest && matches!(tail.rule, FieldRule::Output);
            match tail.element {
                TailElement::Value(ty) => {
                    let path = FieldPath::tail(shape.key, index, ty);
                    self.add_value(
                        name.clone(),
                        ty,
                        ValueType::of(ty, false, true),
                        tail.doc,
                        path,
                        unused,
                    );
                }
                TailElement::Struct(structure) => {
                    let entry = self.entry_or_new(name.clone(), ValueType::Label, tail.doc);
                    entry.paths.push(FieldPath::label(shape.key, index));
                    self.add_members(
                        &name,
                        structure,
                        |path| path.in_elements(index),
                        shape.key,
                        unused,
                    );
                }
            }
            if let Some((structure, _)) = tail.view {
                self.add_members(
                    &name,
                    structure,
                    |path| path.in_view(index),
                    shape.key,
                    unused,
                );
            }
        }
    }

    fn add_members(
        &mut self,
        prefix: &str,
        structure: &'static Struct,
        in_container: impl Fn(FieldPath) -> FieldPath,
        key: u16,
        unused: bool,
    ) {
        for field in structure.fields {
            let path = in_container(FieldPath::field(key, field));
            self.add_field(
                prefix,
                field,
                path,
                unused || matches!(field.rule, FieldRule::Output),
            );
        }
    }

    /// Adds a field of a structure.
    fn add_field(&mut self, prefix: &str, field: &'static Field, path: FieldPath, unused: bool) {
        let ty = ValueType::of(field.ty, field.bits.is_some(), field.count > 1);
        let name = format!("{prefix}.{}", field.name);
        self.add_value(name, field.ty, ty, field.doc, path, unused);
    }

    /// Adds a place under its name, under those of its bits and, unless what
    /// is there means nothing, under the one of its kind.
    fn add_value(
        &mut self,
        name: String,
        raw: FieldType,
        ty: ValueType,
        doc: &'static str,
        path: FieldPath,
        unused: bool,
    ) {
        if let ValueType::Flags(set) = ty {
            self.add_bits(&name, set, doc, path);
        }
        self.entry_or_new(name, ty, doc).push(ty, doc, path);
        if unused {
            return;
        }
        let kinds: &[ObjectKind] = match raw {
            FieldType::Handle(kinds) => kinds,
            FieldType::Event => &[ObjectKind::GuestEvent],
            _ => &[],
        };
        for kind in kinds {
            let name = format!("{PREFIX}{}", kind.name());
            let doc = kind_doc(*kind);
            self.entry_or_new(name, ty, doc).push(ty, doc, path);
        }
        if let FieldType::NtStatus = raw {
            let name = format!("{PREFIX}status");
            self.entry_or_new(name, ty, doc).push(ty, doc, path);
        }
    }

    fn add_bits(&mut self, name: &str, set: &'static Flags, doc: &'static str, path: FieldPath) {
        for bit in set.bits {
            let ty = bit_type(bit);
            self.entry_or_new(format!("{name}.{}", bit.name), ty, doc)
                .push(ty, doc, path.bit(bit));
        }
    }

    /// The field `name`, added if there is none.
    fn entry_or_new(&mut self, name: String, ty: ValueType, doc: &'static str) -> &mut FieldEntry {
        self.entries.entry(name).or_insert_with(|| FieldEntry {
            ty,
            doc,
            many: false,
            paths: FieldPaths::default(),
        })
    }

    fn finish(self) -> Vec<FieldInfo> {
        let from_messages = self.entries.into_iter().map(|(name, mut entry)| {
            entry.paths.finish();
            FieldInfo {
                name,
                ty: entry.ty,
                width: entry.paths.width(),
                many: entry.many || entry.paths.bodies().iter().any(FieldPath::is_many),
                doc: entry.doc,
                source: ValueSource::Paths(entry.paths),
            }
        });
        let recorded = recorded::record_fields().map(|recorded| FieldInfo {
            name: format!("{PREFIX}{}", recorded.field.name),
            ty: recorded.ty(),
            width: recorded.width(),
            many: false,
            doc: recorded.field.doc,
            source: ValueSource::Recorded(recorded),
        });
        let bits = recorded::record_fields().flat_map(|recorded| match recorded.ty() {
            ValueType::Flags(set) => recorded_bits(recorded, set),
            _ => Vec::new(),
        });
        let derived = DERIVED.iter().map(|derived| FieldInfo {
            name: derived.name.to_owned(),
            ty: derived.ty,
            width: derived.width,
            many: matches!(derived.get, FieldGetter::Findings(_)),
            doc: derived.doc,
            source: ValueSource::Derived(derived.needs, derived.get),
        });
        let other = derived.chain(recorded).chain(bits);
        let mut all: Vec<_> = from_messages.chain(other).chain(self.messages).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

fn recorded_bits(recorded: RecordField, set: &'static Flags) -> Vec<FieldInfo> {
    let bit = |bit: &'static Bit| FieldInfo {
        name: format!("{PREFIX}{}.{}", recorded.field.name, bit.name),
        ty: bit_type(bit),
        width: u32::from(bit.width),
        many: false,
        doc: recorded.field.doc,
        source: ValueSource::RecordedBit(recorded, bit),
    };
    set.bits.iter().map(bit).collect()
}

fn bit_type(bit: &Bit) -> ValueType {
    match bit.width {
        1 => ValueType::Bool,
        _ => ValueType::Unsigned,
    }
}

impl FieldEntry {
    /// Adds a place. Where one name stands for an address of the application
    /// in the request and for what lies there in the reply, only the latter
    /// means anything.
    fn push(&mut self, ty: ValueType, doc: &'static str, path: FieldPath) {
        match (self.ty, ty) {
            (ValueType::Pointer, ValueType::Pointer) => {}
            (ValueType::Pointer, _) => {
                (self.ty, self.doc) = (ty, doc);
                self.paths = FieldPaths::default();
            }
            (_, ValueType::Pointer) => return,
            _ => {}
        }
        self.paths.push(path);
    }
}

const fn kind_doc(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Process => "A process as the host numbers it, in the header or anywhere else.",
        ObjectKind::Adapter => "A virtual GPU as the host numbers it, in any message.",
        ObjectKind::Device => "A device, in any message.",
        ObjectKind::Context => "A context, in any message.",
        ObjectKind::HwQueue => "A hardware queue, in any message.",
        ObjectKind::PagingQueue => "A paging queue, in any message.",
        ObjectKind::Allocation => "An allocation, in any message.",
        ObjectKind::Resource => "A resource, in any message.",
        ObjectKind::SyncObject => "A sync object, in any message.",
        ObjectKind::SyncObjectShare => "The VM-wide name of a sync object, in any message.",
        ObjectKind::ResourceShare => "The VM-wide name of a resource, in any message.",
        ObjectKind::NtShare => "What a shared file descriptor stands for, in any message.",
        ObjectKind::GuestEvent => "A guest event, in any message.",
        ObjectKind::Gpadl => "A list of guest pages, in any message.",
    }
}
