//! Where messages hold GPU address ranges.

use dxgtrace_protocol::decode::LocatedBody;
use dxgtrace_protocol::decode::{holds_in, read_slice};
use dxgtrace_protocol::schema::{Field, FieldRole, Layout, TailElement, When};

/// Bytes of a page of GPU addresses.
const PAGE_BYTES: u64 = 4096;

/// The length of a range: a field of the same part or element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeLength {
    field: &'static Field,
    unit: u64,
}

impl RangeLength {
    fn of(field: &'static Field) -> Option<Self> {
        let unit = match field.role {
            FieldRole::RangeBytes => 1,
            FieldRole::RangePages => PAGE_BYTES,
            _ => return None,
        };
        Some(Self { field, unit })
    }

    /// The length field among `fields` that applies under the condition `when`.
    fn find(fields: &'static [Field], when: Option<When>) -> Option<Self> {
        let same = |other: Option<When>| match (when, other) {
            (Some(a), Some(b)) => (a.field, a.values) == (b.field, b.values),
            (a, b) => a.is_none() && b.is_none(),
        };
        fields
            .iter()
            .filter(|field| same(field.when))
            .find_map(Self::of)
    }

    fn bytes(self, data: &[u8]) -> u64 {
        let count = read_slice(data, &self.field.slice);
        count.unwrap_or(0).saturating_mul(self.unit)
    }
}

/// A GPU address range that a message changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeStep {
    /// The change: reserved, mapped, unmapped or freed.
    change: FieldRole,
    /// The tail whose elements hold the range; `None` if a fixed field does.
    tail: Option<usize>,
    first: &'static Field,
    /// Its length; `None` if the request gives it.
    length: Option<RangeLength>,
    when: Option<When>,
}

impl RangeStep {
    /// Calls `on_range` with the change, the first address and the bytes of each
    /// range. `requested_length` is the length that the request gave.
    pub fn for_each(
        &self,
        body: &LocatedBody<'_>,
        requested_length: u64,
        mut on_range: impl FnMut(FieldRole, u64, u64),
    ) {
        let mut on_element = |data: &[u8]| {
            let applies = self.when.is_none_or(|when| holds_in(&when, data));
            let first = read_slice(data, &self.first.slice);
            if let Some(first) = first.filter(|first| applies && *first != 0) {
                let bytes = self
                    .length
                    .map_or(requested_length, |length| length.bytes(data));
                on_range(self.change, first, bytes);
            }
        };
        match self.tail {
            None => on_element(body.bytes(0, usize::from(body.layout.tails_at))),
            Some(tail) => {
                let Some(tail) = body.tail(tail) else { return };
                for index in 0..tail.captured_elements() {
                    on_element(tail.element(index));
                }
            }
        }
    }
}

/// The ranges in a part.
pub(super) fn range_steps(layout: &'static Layout) -> Vec<RangeStep> {
    let mut steps = field_ranges(layout.fields, None);
    for (index, tail) in layout.tails.iter().enumerate() {
        if let TailElement::Struct(structure) = tail.element {
            steps.extend(field_ranges(structure.fields, Some(index)));
        }
    }
    steps
}

fn field_ranges(fields: &'static [Field], tail: Option<usize>) -> Vec<RangeStep> {
    let range_at = |field: &'static Field| {
        Some(RangeStep {
            change: field.role.range()?,
            tail,
            first: field,
            length: RangeLength::find(fields, field.when),
            when: field.when,
        })
    };
    fields.iter().filter_map(range_at).collect()
}

/// The number in a request that its reply depends on: the length of a range, or
/// the memory group of a query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeParameter(RangeLength);

impl RangeParameter {
    pub(super) fn of(layout: &'static Layout) -> Option<Self> {
        let segment = |field: &'static Field| {
            (field.role == FieldRole::Segment).then_some(RangeLength { field, unit: 1 })
        };
        let number = |field| RangeLength::of(field).or_else(|| segment(field));
        layout.fields.iter().find_map(number).map(Self)
    }

    /// The number in `body`; 0 if it was not captured.
    pub fn read(self, body: &LocatedBody<'_>) -> u64 {
        self.0
            .bytes(body.bytes(0, usize::from(body.layout.tails_at)))
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::PLANS;
    use dxgtrace_protocol::schema::FieldRole;

    #[test]
    fn every_range_has_a_length() {
        let mut ranges = 0;
        for message in dxgtrace_protocol::table::all() {
            let Some(plan) = PLANS.plan(message) else {
                continue;
            };
            for step in plan.requests.iter().flat_map(|request| &request.ranges) {
                assert!(step.length.is_some(), "{}", message.name);
                ranges += 1;
            }
            for step in plan.replies.iter().flat_map(|reply| &reply.ranges) {
                assert!(
                    step.length.is_some()
                        || plan.requests.iter().all(|one| one.parameter.is_some()),
                    "{}",
                    message.name
                );
                ranges += 1;
            }
        }
        assert!(ranges > 5);
    }

    #[test]
    fn alternatives_of_an_element_are_told_apart() {
        let message = dxgtrace_protocol::table::by_name("update_gpu_virtual_address").unwrap();
        let steps = &PLANS.plan(message).unwrap().requests[0].ranges;
        let names: Vec<_> = steps
            .iter()
            .map(|step| (step.first.name, step.length.unwrap().field.name))
            .collect();
        assert!(names.contains(&("unmap.base_address", "unmap.size")));
        assert!(names.contains(&("copy.dest_address", "copy.size")));
        assert!(steps.iter().any(|step| step.change == FieldRole::Unmaps));
    }
}
