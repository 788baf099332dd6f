//! The list of all fields, made once by walking the description.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use super::own::{Get, OWN};
use super::record::{Needs, Record, key};
use super::recorded::{self, Recorded};
use super::site::{Header, Item, Site, Sites};
use super::types::{Names, Type};
use dxgtrace_protocol::schema::values::{Bit, Flags};
use dxgtrace_protocol::schema::{Element, Field, Layout, Message, Object, Rule, Struct, Ty};
use dxgtrace_protocol::table;

/// The prefix of this protocol's fields, which may be left out.
pub const PREFIX: &str = "dxg.";

/// A field that filters and columns can name.
#[derive(Debug)]
pub struct FieldInfo {
    /// Its whole name.
    pub name: String,
    /// What its values are.
    pub ty: Type,
    /// How many bits a value has at most.
    pub width: u32,
    /// Whether one packet can hold several values.
    pub many: bool,
    /// What it is, in a sentence.
    pub doc: &'static str,
    source: Source,
}

/// Where values come from.
#[derive(Debug)]
enum Source {
    /// From outside of the message.
    Own(Needs, Get),
    /// From the pseudo-header, or a loss.
    Recorded(Recorded),
    /// A bit, or bit group, of such a number.
    RecordedBit(Recorded, &'static Bit),
    /// From the message.
    Sites(Sites),
    /// From there being this message.
    Message(u16),
}

/// Every field, sorted by name.
pub fn fields() -> impl ExactSizeIterator<Item = &'static FieldInfo> {
    FIELDS.iter()
}

/// The field of that name, with or without [`PREFIX`].
pub fn field(name: &str) -> Option<&'static FieldInfo> {
    let exact = |name: &str| {
        FIELDS
            .binary_search_by(|field| field.name.as_str().cmp(name))
            .ok()
            .and_then(|at| FIELDS.get(at))
    };
    exact(name).or_else(|| exact(&format!("{PREFIX}{name}")))
}

impl FieldInfo {
    /// What must be known to read it.
    pub fn needs(&self) -> Needs {
        match &self.source {
            Source::Own(needs, _) => *needs,
            Source::Recorded(_) | Source::RecordedBit(..) => Needs::PACKET,
            Source::Sites(_) | Source::Message(_) => Needs::DECODE,
        }
    }

    /// Visits every value that a record has.
    pub(super) fn each<'a, V>(&self, record: &Record<'a>, visit: &mut V) -> ControlFlow<()>
    where
        V: FnMut(Item<'a>) -> ControlFlow<()>,
    {
        match &self.source {
            Source::Own(_, Get::Number(get)) => match get(record) {
                Some(value) => visit(Item::Number(value)),
                None => ControlFlow::Continue(()),
            },
            Source::Own(_, Get::Text(get)) => match get(record) {
                Some(text) => visit(Item::Bytes(text)),
                None => ControlFlow::Continue(()),
            },
            Source::Recorded(recorded) if matches!(self.ty, Type::Text) => {
                match recorded.text(record) {
                    Some(text) => visit(Item::Bytes(text)),
                    None => ControlFlow::Continue(()),
                }
            }
            Source::Recorded(recorded) => match recorded.number(record) {
                Some(value) => visit(Item::Number(value)),
                None => ControlFlow::Continue(()),
            },
            Source::Own(_, Get::Findings(get)) => {
                for finding in record.findings {
                    visit(Item::Number(get(finding)))?;
                }
                ControlFlow::Continue(())
            }
            Source::RecordedBit(recorded, bit) => match recorded.number(record) {
                Some(value) => visit(Item::Number(i128::from(bit.of(value as u64)))),
                None => ControlFlow::Continue(()),
            },
            Source::Sites(sites) => match record.decoded {
                Some(decoded) => sites.each(decoded, visit),
                None => ControlFlow::Continue(()),
            },
            Source::Message(place) => {
                let message = record.decoded.and_then(|decoded| decoded.message);
                match message.and_then(table::place) {
                    Some(found) if found == usize::from(*place) => visit(Item::Number(1)),
                    _ => ControlFlow::Continue(()),
                }
            }
        }
    }
}

static FIELDS: LazyLock<Vec<FieldInfo>> = LazyLock::new(|| {
    let mut list = List::default();
    list.headers();
    list.generic();
    for message in table::all() {
        list.message(message);
    }
    list.finish()
});

/// The list while it is made.
#[derive(Default)]
struct List {
    /// What is read from messages, by name.
    places: BTreeMap<String, Entry>,
    messages: Vec<FieldInfo>,
}

/// One field while the list is made.
struct Entry {
    ty: Type,
    doc: &'static str,
    many: bool,
    sites: Sites,
}

/// One shape of one message, and what stands before the names in it.
struct Shape<'a> {
    key: u16,
    layout: &'static Layout,
    message: &'a str,
    /// Whether the guest sends it.
    from_guest: bool,
}

impl List {
    fn headers(&mut self) {
        for header in Header::ALL {
            for field in header.layout().fields {
                let ty = Type::of(field.ty, field.bits.is_some(), false);
                let entry = self.entry(format!("{PREFIX}{}", field.name), ty, field.doc);
                entry.sites.push_header(*header, field);
            }
        }
    }

    /// Makes the names that stand for a kind of value in any message.
    fn generic(&mut self) {
        for kind in Object::ALL {
            let ty = match kind {
                Object::GuestEvent => Type::Unsigned,
                _ => Type::Handle(&[]),
            };
            let entry = self.entry(format!("{PREFIX}{}", kind.name()), ty, kind_doc(*kind));
            entry.many = true;
        }
        let status = Type::Named(Names::Status);
        let doc = "A status of the host, in any message.";
        self.entry(format!("{PREFIX}status"), status, doc);
    }

    fn message(&mut self, message: &'static Message) {
        let Some(place) = table::place(message) else {
            return;
        };
        self.messages.push(FieldInfo {
            name: format!("{PREFIX}{}", message.name),
            ty: Type::Label,
            width: 1,
            many: false,
            doc: message.doc,
            source: Source::Message(u16::try_from(place).unwrap_or(u16::MAX)),
        });
        let guest = message.set != dxgtrace_protocol::schema::Set::Host;
        if let Some(layout) = &message.request {
            self.shape(&Shape {
                key: key(place, 0),
                layout,
                message: message.name,
                from_guest: guest,
            });
        }
        for (index, reply) in message.replies.iter().enumerate() {
            if let Some(reply) = reply {
                self.shape(&Shape {
                    key: key(place, index + 1),
                    layout: &reply.layout,
                    message: message.name,
                    from_guest: false,
                });
            }
        }
    }

    fn shape(&mut self, shape: &Shape<'_>) {
        let prefix = format!("{PREFIX}{}", shape.message);
        for field in shape.layout.fields {
            let unused = shape.from_guest && matches!(field.rule, Rule::Output);
            let site = Site::field(shape.key, field, shape.layout.fields);
            self.place(&prefix, field, site, unused);
        }
        for (index, tail) in (0_u8..).zip(shape.layout.tails) {
            let name = format!("{prefix}.{}", tail.name);
            let unused = shape.from_guest && matches!(tail.rule, Rule::Output);
            match tail.element {
                Element::Value(ty) => {
                    let site = Site::tail(shape.key, index, ty);
                    self.value(
                        name.clone(),
                        ty,
                        Type::of(ty, false, true),
                        tail.doc,
                        site,
                        unused,
                    );
                }
                Element::Struct(structure) => {
                    let entry = self.entry(name.clone(), Type::Label, tail.doc);
                    entry.sites.push(Site::label(shape.key, index));
                    self.members(
                        &name,
                        structure,
                        |site| site.in_elements(index),
                        shape.key,
                        unused,
                    );
                }
            }
            if let Some((structure, _)) = tail.view {
                self.members(
                    &name,
                    structure,
                    |site| site.in_view(index),
                    shape.key,
                    unused,
                );
            }
        }
    }

    fn members(
        &mut self,
        prefix: &str,
        structure: &'static Struct,
        home: impl Fn(Site) -> Site,
        key: u16,
        unused: bool,
    ) {
        for field in structure.fields {
            let site = home(Site::field(key, field, structure.fields));
            self.place(
                prefix,
                field,
                site,
                unused || matches!(field.rule, Rule::Output),
            );
        }
    }

    /// Adds a field of a structure.
    fn place(&mut self, prefix: &str, field: &'static Field, site: Site, unused: bool) {
        let ty = Type::of(field.ty, field.bits.is_some(), field.count > 1);
        let name = format!("{prefix}.{}", field.name);
        self.value(name, field.ty, ty, field.doc, site, unused);
    }

    /// Adds a place under its name, under those of its bits and, unless what
    /// is there means nothing, under the one of its kind.
    fn value(
        &mut self,
        name: String,
        raw: Ty,
        ty: Type,
        doc: &'static str,
        site: Site,
        unused: bool,
    ) {
        if let Type::Flags(set) = ty {
            self.bits(&name, set, doc, site);
        }
        self.entry(name, ty, doc).push(ty, doc, site);
        if unused {
            return;
        }
        let kinds: &[Object] = match raw {
            Ty::Handle(kinds) => kinds,
            Ty::Event => &[Object::GuestEvent],
            _ => &[],
        };
        for kind in kinds {
            let name = format!("{PREFIX}{}", kind.name());
            let doc = kind_doc(*kind);
            self.entry(name, ty, doc).push(ty, doc, site);
        }
        if let Ty::NtStatus = raw {
            let name = format!("{PREFIX}status");
            self.entry(name, ty, doc).push(ty, doc, site);
        }
    }

    fn bits(&mut self, name: &str, set: &'static Flags, doc: &'static str, site: Site) {
        for bit in set.bits {
            let ty = bit_type(bit);
            self.entry(format!("{name}.{}", bit.name), ty, doc)
                .push(ty, doc, site.bit(bit));
        }
    }

    /// The field of that name, made if there is none.
    fn entry(&mut self, name: String, ty: Type, doc: &'static str) -> &mut Entry {
        self.places.entry(name).or_insert_with(|| Entry {
            ty,
            doc,
            many: false,
            sites: Sites::default(),
        })
    }

    fn finish(self) -> Vec<FieldInfo> {
        let places = self.places.into_iter().map(|(name, mut entry)| {
            entry.sites.finish();
            FieldInfo {
                name,
                ty: entry.ty,
                width: entry.sites.width(),
                many: entry.many || entry.sites.bodies().iter().any(Site::is_many),
                doc: entry.doc,
                source: Source::Sites(entry.sites),
            }
        });
        let recorded = recorded::all().map(|recorded| FieldInfo {
            name: format!("{PREFIX}{}", recorded.field.name),
            ty: recorded.ty(),
            width: recorded.width(),
            many: false,
            doc: recorded.field.doc,
            source: Source::Recorded(recorded),
        });
        let bits = recorded::all().flat_map(|recorded| match recorded.ty() {
            Type::Flags(set) => recorded_bits(recorded, set),
            _ => Vec::new(),
        });
        let own = OWN.iter().map(|own| FieldInfo {
            name: own.name.to_owned(),
            ty: own.ty,
            width: own.width,
            many: matches!(own.get, Get::Findings(_)),
            doc: own.doc,
            source: Source::Own(own.needs, own.get),
        });
        let own = own.chain(recorded).chain(bits);
        let mut all: Vec<_> = places.chain(own).chain(self.messages).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

fn recorded_bits(recorded: Recorded, set: &'static Flags) -> Vec<FieldInfo> {
    let bit = |bit: &'static Bit| FieldInfo {
        name: format!("{PREFIX}{}.{}", recorded.field.name, bit.name),
        ty: bit_type(bit),
        width: u32::from(bit.width),
        many: false,
        doc: recorded.field.doc,
        source: Source::RecordedBit(recorded, bit),
    };
    set.bits.iter().map(bit).collect()
}

fn bit_type(bit: &Bit) -> Type {
    match bit.width {
        1 => Type::Bool,
        _ => Type::Unsigned,
    }
}

impl Entry {
    /// Adds a place. Where one name stands for an address of the application
    /// in the request and for what lies there in the reply, only the latter
    /// means anything.
    fn push(&mut self, ty: Type, doc: &'static str, site: Site) {
        match (self.ty, ty) {
            (Type::Pointer, Type::Pointer) => {}
            (Type::Pointer, _) => {
                (self.ty, self.doc) = (ty, doc);
                self.sites = Sites::default();
            }
            (_, Type::Pointer) => return,
            _ => {}
        }
        self.sites.push(site);
    }
}

const fn kind_doc(kind: Object) -> &'static str {
    match kind {
        Object::Process => "A process as the host numbers it, in the header or anywhere else.",
        Object::Adapter => "A virtual GPU as the host numbers it, in any message.",
        Object::Device => "A device, in any message.",
        Object::Context => "A context, in any message.",
        Object::HwQueue => "A hardware queue, in any message.",
        Object::PagingQueue => "A paging queue, in any message.",
        Object::Allocation => "An allocation, in any message.",
        Object::Resource => "A resource, in any message.",
        Object::SyncObject => "A sync object, in any message.",
        Object::SyncObjectShare => "The VM-wide name of a sync object, in any message.",
        Object::ResourceShare => "The VM-wide name of a resource, in any message.",
        Object::NtShare => "What a shared file descriptor stands for, in any message.",
        Object::GuestEvent => "A guest event, in any message.",
        Object::Gpadl => "A list of guest pages, in any message.",
    }
}
