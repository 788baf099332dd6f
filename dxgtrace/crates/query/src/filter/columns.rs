//! Fields as columns: `-T fields`, `-T csv`, and the columns of lists.

use std::io::{self, Write};
use std::ops::ControlFlow::{Break, Continue};

use super::cell::write_item;
use super::compile;
use super::error::FilterError;
use super::fields::{FIELDS, FieldInfo};
use super::options::{ColumnQuote, FieldOptions, Occurrence};
use super::record::{FilterNeeds, FilterRecord};

/// The fields that make up a line.
#[derive(Debug, Clone)]
pub struct ColumnFields {
    columns: Vec<&'static FieldInfo>,
    options: FieldOptions,
    /// A column while it is made, kept for its memory.
    cell: String,
}

impl ColumnFields {
    /// Columns of these names, with or without the prefix.
    pub fn new(names: &[&str], options: FieldOptions) -> Result<Self, FilterError> {
        let columns = names
            .iter()
            .map(|name| compile::lookup(name, 0, &FIELDS).map_err(|error| error.of(name)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            columns,
            options,
            cell: String::new(),
        })
    }

    /// The columns.
    pub fn columns(&self) -> &[&'static FieldInfo] {
        &self.columns
    }

    /// Which parts of records are looked at.
    pub fn needs(&self) -> FilterNeeds {
        self.columns
            .iter()
            .map(|column| column.needs())
            .fold(FilterNeeds::PACKET, FilterNeeds::and)
    }

    /// Writes the names, if the options ask for them.
    pub fn write_header(&mut self, out: &mut impl Write) -> io::Result<()> {
        if !self.options.header {
            return Ok(());
        }
        for (index, column) in self.columns.iter().enumerate() {
            self.cell.clone_from(&column.name);
            finish(&self.options, index, &self.cell, out)?;
        }
        out.write_all(b"\n")
    }

    /// Writes the line of a record.
    pub fn write(&mut self, record: &FilterRecord<'_>, out: &mut impl Write) -> io::Result<()> {
        for (index, column) in self.columns.iter().enumerate() {
            self.cell.clear();
            column.append(record, &self.options, &mut self.cell);
            finish(&self.options, index, &self.cell, out)?;
        }
        out.write_all(b"\n")
    }
}

impl FieldInfo {
    /// Appends the values of a record in their text form, which holds nothing
    /// that a terminal would not just show.
    pub fn append(&self, record: &FilterRecord<'_>, options: &FieldOptions, text: &mut String) {
        let start = text.len();
        // Whether anything was found: it takes no stop to tell.
        let _ = self.each(record, &mut |item| {
            match options.occurrence {
                Occurrence::All if text.len() > start => text.push(options.aggregator),
                Occurrence::All | Occurrence::First => {}
                Occurrence::Last => text.truncate(start),
            }
            write_item(self, item, text);
            match options.occurrence {
                Occurrence::First => Break(()),
                Occurrence::All | Occurrence::Last => Continue(()),
            }
        });
    }
}

/// Writes one column with what stands before and around it.
fn finish(
    options: &FieldOptions,
    index: usize,
    cell: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut buffer = [0; 4];
    if index > 0 {
        out.write_all(options.separator.encode_utf8(&mut buffer).as_bytes())?;
    }
    let quote = match options.quote {
        ColumnQuote::None => return out.write_all(cell.as_bytes()),
        ColumnQuote::Single => "'",
        ColumnQuote::Double => "\"",
        ColumnQuote::Needed => {
            let misread =
                |letter| letter == options.separator || matches!(letter, '"' | '\r' | '\n');
            let edge = cell.starts_with(' ') || cell.ends_with(' ');
            if !edge && !cell.contains(misread) {
                return out.write_all(cell.as_bytes());
            }
            "\""
        }
    };
    out.write_all(quote.as_bytes())?;
    for (index, part) in cell.split(quote).enumerate() {
        if index > 0 {
            out.write_all(quote.as_bytes())?;
            out.write_all(quote.as_bytes())?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(quote.as_bytes())
}
