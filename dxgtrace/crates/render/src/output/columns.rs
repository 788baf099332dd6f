//! Chosen fields as columns.

use std::io::{self, Write};

use dxgtrace_query::filter::{Fields, Record};
use dxgtrace_session::entry::{Entry, Sink};

/// Writes entries as rows of columns.
pub struct Columns<W> {
    out: W,
    fields: Fields,
    each: bool,
}

impl<W: Write> Columns<W> {
    /// Rows to `out`, after the header if the fields' options ask for one.
    /// With `each`, every row is flushed.
    ///
    /// # Errors
    /// The output refuses.
    pub fn new(mut out: W, mut fields: Fields, each: bool) -> io::Result<Self> {
        fields.write_header(&mut out)?;
        Ok(Self { out, fields, each })
    }
}

impl<W: Write> Sink for Columns<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.fields.write(&Record::from(entry), &mut self.out)?;
        if self.each { self.out.flush() } else { Ok(()) }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
