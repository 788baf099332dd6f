//! The fields of record headers, and of records that are not packets, from their
//! description.

use super::record::FilterRecord;
use super::types::{ValueNames, ValueType};
use dxgtrace_protocol::decode::read_number;
use dxgtrace_protocol::record::header::RecordKind;
use dxgtrace_protocol::record::{CHANNEL_LIFE, IOCTL_END, LOST, RECORD};
use dxgtrace_protocol::schema::{Field, FieldType};

/// A field of a record header, or of a record that is not a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordField {
    /// The field.
    pub(super) field: &'static Field,
    /// The kind of record that has it; `None` for every kind.
    kind: Option<RecordKind>,
}

/// Every such field.
pub(super) fn record_fields() -> impl Iterator<Item = RecordField> {
    let of = |kind| move |field| RecordField { field, kind };
    let header = RECORD.fields.iter().map(of(None));
    let lost = LOST.fields.iter().map(of(Some(RecordKind::Lost)));
    let ioctl = IOCTL_END.fields.iter().map(of(Some(RecordKind::Ioctl)));
    let channel = of(Some(RecordKind::Channel));
    let channel = CHANNEL_LIFE.fields.iter().map(channel);
    header.chain(lost).chain(ioctl).chain(channel)
}

impl RecordField {
    /// What its values are. The only array is a name, and all names of
    /// numbers are words of this program's own.
    pub(super) fn ty(&self) -> ValueType {
        match self.field.ty {
            FieldType::Byte => ValueType::Text,
            FieldType::Enum(names) => ValueType::Named(ValueNames::Words(names)),
            ty => ValueType::of(ty, self.field.bits.is_some(), false),
        }
    }

    /// Width of a value in bits.
    pub(super) fn width(&self) -> u32 {
        self.field.slice.width()
    }

    /// The field's number in a record, if it is known.
    pub(super) fn number(&self, record: &FilterRecord<'_>) -> Option<i128> {
        let header = record.packet.header;
        if self.kind.is_some_and(|kind| kind != header.kind) || !self.is_known(record) {
            return None;
        }
        let encoded = header.encode();
        let bytes = match self.kind {
            None => encoded.as_slice(),
            Some(_) => record.packet.payload,
        };
        let slice = &self.field.slice;
        let word = read_number(bytes, usize::from(slice.at), slice.size.into())?;
        Some(slice.extract_signed(word))
    }

    /// The field's text in a record without trailing NULs, if it is known.
    pub(super) fn text<'a>(&self, record: &FilterRecord<'a>) -> Option<&'a [u8]> {
        let comm = &record.packet.header.comm;
        let end = comm.iter().position(|byte| *byte == 0);
        let name = comm.get(..end.unwrap_or(comm.len()))?;
        self.is_known(record).then_some(name)
    }

    /// Whether the record holds the field: of the conditions in the
    /// description, all look at what is known.
    fn is_known(&self, record: &FilterRecord<'_>) -> bool {
        let known = u64::from(record.packet.header.known.0);
        self.field.when.is_none_or(|when| when.holds(known))
    }
}
