//! The decoder against the Wireshark dissector, field by field.
//!
//! [`expected`] walks a capture with the decoder and writes down everything
//! that the dissector should show; `tshark` runs the dissector; [`compare`]
//! names the first frame and field in which they differ.

mod compare;
mod expected;
pub mod mutate;
mod pdml;
mod tshark;

pub use compare::compare;
pub use expected::{Frame, expected};
pub use tshark::Tshark;
