//! What the command line says of the output: which packets, in which form.

use std::io::{self, Write};
use std::path::Path;

use super::Failure;
use super::output::{buffered, coloured, wants_colours};
use crate::cli::{Color, Form, ShowArgs, Time};
use dxgtrace_file::recording::Capture;
use dxgtrace_file::{About, Flush, WriteError, Writer};
use dxgtrace_query::channels::Channels;
use dxgtrace_query::filter::{FieldOptions, Fields, Filter, FilterError};
use dxgtrace_render::output::{After, Columns, Detail, Json, Text, TimeColumn, TimeFormat};
use dxgtrace_session::entry::Sink;

/// The output that was asked for, its words understood, nothing opened yet.
#[derive(Clone)]
pub(super) struct Shown {
    filter: Filter,
    fields: Option<Fields>,
    args: ShowArgs,
}

impl Shown {
    /// Understands the filter and the columns.
    ///
    /// # Errors
    /// They make no sense: what is wrong, and where.
    pub(super) fn new(args: &ShowArgs) -> Result<Self, Failure> {
        let filter = Filter::parse(args.filter.as_deref().unwrap_or_default()).map_err(wrong)?;
        let mut options = match args.form {
            Form::Text | Form::Jsonl if args.fields.is_empty() && args.field_options.is_empty() => {
                return Ok(Self {
                    filter,
                    fields: None,
                    args: args.clone(),
                });
            }
            Form::Text | Form::Jsonl => {
                return Err(Failure::Usage(
                    "-e and -E go with -T fields or -T csv".to_owned(),
                ));
            }
            Form::Fields => FieldOptions::default(),
            Form::Csv => FieldOptions::csv(),
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
            fields: Some(Fields::new(&names, options).map_err(wrong)?),
            args: args.clone(),
        })
    }

    /// Whether a request has to know its reply.
    pub(super) fn needs_replies(&self) -> bool {
        let fields = self
            .fields
            .as_ref()
            .is_some_and(|fields| fields.needs().ahead);
        fields || self.filter.needs().ahead
    }

    /// The filter alone.
    pub(super) fn into_filter(self) -> Filter {
        self.filter
    }

    /// The filter, and lines that go to `out`, which leads to standard output.
    ///
    /// # Errors
    /// The output refuses.
    pub(super) fn into_lines(
        self,
        out: Box<dyn Write>,
        color: Color,
        source: &str,
    ) -> Result<(Filter, Box<dyn Sink>), Failure> {
        let sink = lines(&self.args, self.fields, out, color, source)?;
        Ok((self.filter, sink))
    }

    /// The channels that are chosen.
    pub(super) fn channels(&self) -> Channels {
        Channels::new(self.args.channels.clone())
    }

    /// The filter, and where packets go: to a capture file if there is one.
    ///
    /// # Errors
    /// The output refuses.
    pub(super) fn into_parts(
        self,
        write: Option<&Path>,
        color: Color,
        source: &str,
    ) -> Result<(Filter, Vec<Box<dyn Sink>>), Failure> {
        let mut sinks = Vec::new();
        if let Some(path) = write {
            sinks.push(capture(path)?);
        }
        if !self.args.quiet && (write.is_none() || self.args.print) {
            let out = Box::new(io::stdout().lock());
            sinks.push(lines(&self.args, self.fields, out, color, source)?);
        }
        Ok((self.filter, sinks))
    }
}

/// A capture file. Live, every record goes out at once: whatever stops the
/// program, the file holds what was seen.
pub(super) fn capture(path: &Path) -> Result<Box<dyn Sink>, Failure> {
    let failed = |error: WriteError| Failure::output(error.into());
    let about = About::default();
    if path == Path::new("-") {
        let writer = Writer::new(io::stdout().lock(), &about, Flush::EveryRecord);
        return Ok(Box::new(Capture::new(writer.map_err(failed)?)));
    }
    let file = dxgtrace_file::create(path)
        .map_err(|error| Failure::Input(format!("{}: cannot create: {error}", path.display())))?;
    let writer = Writer::new(file, &about, Flush::EveryRecord);
    Ok(Box::new(Capture::new(writer.map_err(failed)?)))
}

fn lines(
    args: &ShowArgs,
    fields: Option<Fields>,
    out: Box<dyn Write>,
    color: Color,
    source: &str,
) -> Result<Box<dyn Sink>, Failure> {
    Ok(match (args.form, fields) {
        (_, Some(fields)) => {
            let columns = Columns::new(buffered(out), fields, args.each);
            Box::new(columns.map_err(Failure::output)?)
        }
        (Form::Jsonl, None) => {
            let json = Json::new(buffered(out), source, args.each);
            Box::new(json.map_err(Failure::output)?)
        }
        (Form::Text | Form::Fields | Form::Csv, None) => {
            let detail = Detail {
                tree: args.tree,
                hex: args.hex,
            };
            let time = time(args.time);
            // To strip colours from every line costs more than not to write them.
            match wants_colours(color) {
                true => Box::new(Text::new(coloured(out, color), time, detail, args.each)),
                false => Box::new(Text::new(buffered(out), time, detail, args.each).plain()),
            }
        }
    })
}

fn time(time: Time) -> TimeColumn {
    let column = |format| TimeColumn::new(format, After::Captured);
    match time {
        Time::R => column(TimeFormat::Relative),
        Time::D => column(TimeFormat::Delta),
        Time::Dd => TimeColumn::new(TimeFormat::Delta, After::Shown),
        Time::E => column(TimeFormat::Epoch),
        Time::A => column(TimeFormat::Clock).local(),
        Time::Ad => column(TimeFormat::Date).local(),
        Time::U => column(TimeFormat::Clock),
        Time::Ud => column(TimeFormat::Date),
    }
}

/// A filter or field that makes no sense, with the place.
fn wrong(error: FilterError) -> Failure {
    Failure::Input(format!("{error}\n{}", error.caret()))
}
