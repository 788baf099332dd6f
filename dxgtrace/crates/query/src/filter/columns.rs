//! Fields as columns, for `-T fields`, `-T csv` and lists.

use std::io::{self, Write};
use std::ops::ControlFlow::{Break, Continue};

use super::cell::write_item;
use super::compile;
use super::error::FilterError;
use super::fields::{FIELDS, FieldInfo};
use super::options::{ColumnQuote, FieldOptions, Occurrence};
use super::record::{FilterNeeds, FilterRecord};

/// The fields of a line, in order.
#[derive(Debug, Clone)]
pub struct ColumnFields {
    columns: Vec<&'static FieldInfo>,
    options: FieldOptions,
    /// Buffer for one column, kept to reuse its allocation.
    cell: String,
}

impl ColumnFields {
    /// Creates columns for the fields `names`, with or without the prefix.
    pub fn new(names: &[&str], options: FieldOptions) -> Result<Self, FilterError> {
        let columns = names
            .iter()
            .map(|name| compile::lookup(name, 0, &FIELDS).map_err(|error| error.with_input(name)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            columns,
            options,
            cell: String::new(),
        })
    }

    /// The fields of the columns.
    pub fn columns(&self) -> &[&'static FieldInfo] {
        &self.columns
    }

    /// The parts of records that the columns use.
    pub fn needs(&self) -> FilterNeeds {
        self.columns
            .iter()
            .map(|column| column.needs())
            .fold(FilterNeeds::PACKET, FilterNeeds::union)
    }

    /// Writes the header line, if the options ask for one.
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

    /// Writes the line for a record.
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
    /// Appends the values of a record as text that is safe to print on a
    /// terminal.
    pub fn append(&self, record: &FilterRecord<'_>, options: &FieldOptions, text: &mut String) {
        let start = text.len();
        // Whether anything was found: it takes no stop to tell.
        let _ = self.for_each(record, &mut |item| {
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
