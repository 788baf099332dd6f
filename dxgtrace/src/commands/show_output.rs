//! Creates the outputs that [`ShowArgs`] ask for.

use std::io::{self, Write};
use std::path::Path;

use super::Failure;
use super::arguments::{ColorArg, OutputForm, ShowArgs, TimeArg};
use super::output::{buffered, coloured, wants_colours};
use dxgtrace_file::recording::CaptureSink;
use dxgtrace_file::{CaptureOrigin, FlushPolicy, WriteError, Writer};
use dxgtrace_query::channels::ChannelSelection;
use dxgtrace_query::filter::{ColumnFields, FieldOptions, Filter, FilterError};
use dxgtrace_render::output::{
    ColumnWriter, DeltaBase, JsonLines, TextDetail, TextWriter, TimeColumn, TimeFormat,
};
use dxgtrace_session::entry::Sink;

/// The parsed [`ShowArgs`], with no output opened yet.
#[derive(Clone)]
pub(super) struct ShowOutput {
    filter: Filter,
    fields: Option<ColumnFields>,
    args: ShowArgs,
}

impl ShowOutput {
    /// Parses the filter and the columns.
    ///
    /// # Errors
    /// They are invalid; the message shows where.
    pub(super) fn new(args: &ShowArgs) -> Result<Self, Failure> {
        let filter =
            Filter::parse(args.filter.as_deref().unwrap_or_default()).map_err(filter_failure)?;
        let mut options = match args.form {
            OutputForm::Text | OutputForm::Jsonl
                if args.fields.is_empty() && args.field_options.is_empty() =>
            {
                return Ok(Self {
                    filter,
                    fields: None,
                    args: args.clone(),
                });
            }
            OutputForm::Text | OutputForm::Jsonl => {
                return Err(Failure::Usage(
                    "-e and -E go with -T fields or -T csv".to_owned(),
                ));
            }
            OutputForm::Fields => FieldOptions::default(),
            OutputForm::Csv => FieldOptions::csv(),
        };
        if args.fields.is_empty() {
            return Err(Failure::Usage("say which columns: -e FIELD".to_owned()));
        }
        for option in &args.field_options {
            options
                .set(option)
                .map_err(|error| Failure::Usage(error.to_string()))?;
        }
        let names: Vec<&str> = args.fields.iter().map(String::as_str).collect();
        Ok(Self {
            filter,
            fields: Some(ColumnFields::new(&names, options).map_err(filter_failure)?),
            args: args.clone(),
        })
    }

    /// Whether the filter or a column needs the reply of a request.
    pub(super) fn needs_replies(&self) -> bool {
        let fields = self
            .fields
            .as_ref()
            .is_some_and(|fields| fields.needs().ahead);
        fields || self.filter.needs().ahead
    }

    /// Returns the filter.
    pub(super) fn into_filter(self) -> Filter {
        self.filter
    }

    /// Returns the filter, and a sink that writes lines to `out`, which leads to
    /// standard output.
    ///
    /// # Errors
    /// Writing to the output fails.
    pub(super) fn into_lines(
        self,
        out: Box<dyn Write>,
        color: ColorArg,
        source: &str,
    ) -> Result<(Filter, Box<dyn Sink>), Failure> {
        let sink = line_sink(&self.args, self.fields, out, color, source)?;
        Ok((self.filter, sink))
    }

    /// The chosen channels.
    pub(super) fn channels(&self) -> ChannelSelection {
        ChannelSelection::new(self.args.channels.clone())
    }

    /// Returns the filter, and the sinks: the capture file `write`, lines on standard
    /// output, or both.
    ///
    /// # Errors
    /// The file cannot be created, or writing to the output fails.
    pub(super) fn into_parts(
        self,
        write: Option<&Path>,
        color: ColorArg,
        source: &str,
    ) -> Result<(Filter, Vec<Box<dyn Sink>>), Failure> {
        let mut sinks = Vec::new();
        if let Some(path) = write {
            sinks.push(capture_file_sink(path)?);
        }
        if !self.args.quiet && (write.is_none() || self.args.print) {
            let out = Box::new(io::stdout().lock());
            sinks.push(line_sink(&self.args, self.fields, out, color, source)?);
        }
        Ok((self.filter, sinks))
    }
}

/// A sink that writes a capture file. It flushes every record, so that the file is
/// complete whatever stops the program.
pub(super) fn capture_file_sink(path: &Path) -> Result<Box<dyn Sink>, Failure> {
    let failed = |error: WriteError| Failure::output(error.into());
    let about = CaptureOrigin::default();
    if path == Path::new("-") {
        let writer = Writer::new(io::stdout().lock(), &about, FlushPolicy::EveryRecord);
        return Ok(Box::new(CaptureSink::new(writer.map_err(failed)?)));
    }
    let file = dxgtrace_file::create(path)
        .map_err(|error| Failure::Input(format!("{}: cannot create: {error}", path.display())))?;
    let writer = Writer::new(file, &about, FlushPolicy::EveryRecord);
    Ok(Box::new(CaptureSink::new(writer.map_err(failed)?)))
}

fn line_sink(
    args: &ShowArgs,
    fields: Option<ColumnFields>,
    out: Box<dyn Write>,
    color: ColorArg,
    source: &str,
) -> Result<Box<dyn Sink>, Failure> {
    Ok(match (args.form, fields) {
        (_, Some(fields)) => {
            let columns = ColumnWriter::new(buffered(out), fields, args.each);
            Box::new(columns.map_err(Failure::output)?)
        }
        (OutputForm::Jsonl, None) => {
            let json = JsonLines::new(buffered(out), source, args.each);
            Box::new(json.map_err(Failure::output)?)
        }
        (OutputForm::Text | OutputForm::Fields | OutputForm::Csv, None) => {
            let detail = TextDetail {
                tree: args.tree,
                hex: args.hex,
            };
            let time = time_column(args.time);
            // Stripping colours from every line would cost more than not writing them.
            match wants_colours(color) {
                true => Box::new(TextWriter::new(
                    coloured(out, color),
                    time,
                    detail,
                    args.each,
                )),
                false => Box::new(TextWriter::new(buffered(out), time, detail, args.each).plain()),
            }
        }
    })
}

fn time_column(time: TimeArg) -> TimeColumn {
    let column = |format| TimeColumn::new(format, DeltaBase::Captured);
    match time {
        TimeArg::R => column(TimeFormat::Relative),
        TimeArg::D => column(TimeFormat::Delta),
        TimeArg::Dd => TimeColumn::new(TimeFormat::Delta, DeltaBase::Shown),
        TimeArg::E => column(TimeFormat::Epoch),
        TimeArg::A => column(TimeFormat::Clock).local(),
        TimeArg::Ad => column(TimeFormat::Date).local(),
        TimeArg::U => column(TimeFormat::Clock),
        TimeArg::Ud => column(TimeFormat::Date),
    }
}

/// The failure of an invalid filter or field, with its position.
fn filter_failure(error: FilterError) -> Failure {
    Failure::Input(format!("{error}\n{}", error.caret()))
}
