//! The filter language and the columns, over generated packets.

mod columns;
mod documentation;
mod language;
mod names;
mod random;
mod support;
