//! Chosen fields as columns.

use std::io::{self, Write};

use dxgtrace_query::filter::{ColumnFields, FilterRecord};
use dxgtrace_session::entry::{Entry, Sink};

/// Writes entries as rows of columns.
pub struct ColumnWriter<W> {
    out: W,
    fields: ColumnFields,
    each: bool,
}

impl<W: Write> ColumnWriter<W> {
    /// Rows to `out`, after the header if the fields' options ask for one.
    /// With `each`, every row is flushed.
    ///
    /// # Errors
    /// The output refuses.
    pub fn new(mut out: W, mut fields: ColumnFields, each: bool) -> io::Result<Self> {
        fields.write_header(&mut out)?;
        Ok(Self { out, fields, each })
    }
}

impl<W: Write> Sink for ColumnWriter<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.fields
            .write(&FilterRecord::from(entry), &mut self.out)?;
        if self.each { self.out.flush() } else { Ok(()) }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
