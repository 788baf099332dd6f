//! A message in one line: what stands in the packet list, in text output and
//! in Wireshark's info column.

use std::fmt::{self, Display};

use super::{Decoded, Part, Spot, Value};
use crate::protocol::schema::{Rule, Set, Ty};

/// Fields shown at most.
const FIELDS: usize = 4;

impl Decoded<'_> {
    /// The message in one line: its name, of a reply its status, and the first
    /// fields that say something.
    pub fn summary(&self) -> impl Display {
        Summary(self)
    }
}

struct Summary<'a>(&'a Decoded<'a>);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoded = self.0;
        match (decoded.message, &decoded.frame) {
            (Some(message), _) => f.write_str(message.name)?,
            (None, Some(frame)) => {
                let set = frame.set().map_or("no", Set::name);
                write!(f, "unknown command {} ({set} set)", frame.command)?;
            }
            (None, None) => f.write_str("unknown")?,
        }
        if decoded.part == Part::Reply {
            f.write_str(" reply")?;
        }
        if decoded.part == Part::Reply
            && let Some(status) = decoded.status()
        {
            write!(f, " {}", Value::Status(status))?;
        }
        let Some(body) = &decoded.body else {
            return Ok(());
        };
        let telling = body.fields().filter(tells).take(FIELDS);
        for spot in telling {
            if let Some(value) = spot.value() {
                write!(f, " {}={value}", spot.field.name)?;
            }
        }
        Ok(())
    }
}

/// Whether a field says something in a line.
fn tells(spot: &Spot<'_>) -> bool {
    spot.field.count == 1
        && matches!(
            spot.field.rule,
            Rule::Any | Rule::Range(..) | Rule::Echoes { .. }
        )
        && !matches!(
            spot.field.ty,
            Ty::Pointer | Ty::Byte | Ty::Utf16 | Ty::NtStatus
        )
        && spot.number().is_some_and(|value| value != 0)
}
