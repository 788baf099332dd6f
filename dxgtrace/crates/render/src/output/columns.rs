//! Selected fields as columns.

use std::io::{self, Write};

use dxgtrace_query::filter::{ColumnFields, FilterRecord};
use dxgtrace_session::entry::{Entry, Sink};

/// Writes entries as rows of columns.
pub struct ColumnWriter<W> {
    out: W,
    fields: ColumnFields,
    flush_each: bool,
}

impl<W: Write> ColumnWriter<W> {
    /// Writes rows to `out`, after a header if the options of `fields` request one.
    /// `flush_each` flushes after every row.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, mut fields: ColumnFields, flush_each: bool) -> io::Result<Self> {
        fields.write_header(&mut out)?;
        Ok(Self {
            out,
            fields,
            flush_each,
        })
    }
}

impl<W: Write> Sink for ColumnWriter<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        self.fields
            .write(&FilterRecord::from(entry), &mut self.out)?;
        if self.flush_each {
            self.out.flush()
        } else {
            Ok(())
        }
    }

    fn idle(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
