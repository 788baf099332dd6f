//! Checks which of the fields that share their bytes apply.

use super::draft::MessageDraft;
use super::error::EncodeError;
use super::place::write_field;
use crate::decode::{holds_in, read_slice};
use crate::schema::{FieldRule, Struct, TailElement, When};

impl MessageDraft {
    /// Whether `when`, a condition on the message's own fields or on its request, holds.
    pub fn holds(&self, when: &When) -> bool {
        let value = match (when.of_request, self.layout.selector) {
            (true, Some(fact)) => self
                .request_values
                .get(usize::from(fact))
                .copied()
                .flatten(),
            (true, None) => None,
            (false, _) => when
                .decider
                .and_then(|slice| read_slice(self.body(), &slice)),
        };
        value.is_some_and(|value| when.holds(value))
    }

    /// Writes the constant values of alternatives that apply and were not set.
    ///
    /// # Errors
    /// An alternative was set and does not apply.
    pub fn check_alternatives(&mut self) -> Result<(), EncodeError> {
        let layout = self.layout;
        for (index, field) in layout.fields.iter().enumerate() {
            let Some(when) = field.when else { continue };
            let is_set = self.fields_set >> index & 1 != 0;
            match (self.holds(&when), field.rule) {
                (false, _) if is_set => return Err(self.not_applicable(field.name, &when)),
                (true, FieldRule::Always(value)) if !is_set => {
                    let _ = write_field(self.body_mut(), field, value);
                }
                _ => {}
            }
        }
        for (index, tail) in layout.tails.iter().enumerate() {
            let set = self.columns_set.get(index).copied().unwrap_or(0);
            let at = self.tail_at(index);
            match (tail.element, &tail.view) {
                _ if set == 0 => {}
                (TailElement::Struct(structure), _) => {
                    for element in 0..self.count(index) {
                        let at = at + element * usize::from(structure.size);
                        self.check_members(structure, set, at)?;
                    }
                }
                (TailElement::Value(_), Some((structure, when))) => {
                    let decider = layout.view_deciders.get(index).copied().flatten();
                    let value = decider.and_then(|slice| read_slice(self.body(), &slice));
                    if !value.is_some_and(|value| when.holds(value)) {
                        return Err(self.not_applicable(tail.name, when));
                    }
                    self.check_members(structure, set, at)?;
                }
                (TailElement::Value(_), None) => {}
            }
        }
        Ok(())
    }

    /// Checks the members with bits in `set` of the element at `at`.
    ///
    /// # Errors
    /// A member does not apply.
    pub fn check_members(
        &self,
        structure: &'static Struct,
        set: u64,
        at: usize,
    ) -> Result<(), EncodeError> {
        let element = self.bytes.get(at..).unwrap_or_default();
        for (index, field) in structure.fields.iter().enumerate() {
            let Some(when) = field.when.filter(|_| set >> index & 1 != 0) else {
                continue;
            };
            if !holds_in(&when, element) {
                return Err(self.not_applicable(field.name, &when));
            }
        }
        Ok(())
    }

    fn not_applicable(&self, field: &'static str, when: &When) -> EncodeError {
        EncodeError::NotApplicable {
            message: self.message.name,
            field,
            decided_by: when.field,
        }
    }
}
