//! Compiles an expression: resolves names to offsets and values to number
//! ranges.

use regex::bytes::RegexBuilder;

use super::error::FilterError;
use super::fields::{FieldInfo, FilterFields, PREFIX};
use super::literal::{self, NumberRange};
use super::node::{FieldQuestion, FilterNode, TextPattern, ValueCheck};
use super::parse::{Comparison, Expr, FieldTest, Literal, Quantifier, ValueCondition};
use super::print;
use super::types::ValueType;

/// Maximum memory of a compiled regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Compiles an expression over `fields`.
pub(super) fn compile(
    expr: Expr<'_>,
    fields: &'static FilterFields,
) -> Result<FilterNode, FilterError> {
    let all = |parts: Vec<Expr<'_>>| {
        let parts: Result<Box<[FilterNode]>, _> = parts
            .into_iter()
            .map(|part| compile(part, fields))
            .collect();
        parts
    };
    Ok(match expr {
        Expr::Or(parts) => FilterNode::Or(all(parts)?),
        Expr::And(parts) => FilterNode::And(all(parts)?),
        Expr::Not(inner) => FilterNode::Not(Box::new(compile(*inner, fields)?)),
        Expr::Test(test) => FilterNode::Test(Box::new(compile_test(*test, fields)?)),
    })
}

fn compile_test(
    test: FieldTest<'_>,
    fields: &'static FilterFields,
) -> Result<FieldQuestion, FilterError> {
    let field = lookup(test.field, test.span.start, fields)?;
    let mut subject = field.name.clone();
    if let Some((slice, span)) = &test.slice {
        if !matches!(field.ty, ValueType::Bytes) {
            let message = format!(
                "only of bytes a part can be taken; {} is {}",
                field.name,
                noun(field)
            );
            return Err(FilterError::new(message, span.clone()));
        }
        subject.push_str(&print::slice(slice));
    }
    let mask = match &test.mask {
        Some(literal) => Some(read_mask(field, literal)?),
        None => None,
    };
    if let Some(mask) = mask {
        subject.push_str(&format!(" & {mask:#x}"));
    }
    let condition = compile_condition(field, mask, test.condition.as_ref())?;
    let quantifier = test.quantifier.unwrap_or(condition.quantifier);
    let mut text = condition.text.replacen("{}", &subject, 1);
    if quantifier != condition.quantifier {
        text.insert_str(
            0,
            match quantifier {
                Quantifier::Any => "any ",
                Quantifier::All => "all ",
            },
        );
    }
    Ok(FieldQuestion {
        field,
        quantifier,
        negated: condition.negated,
        slice: test.slice.map(|(slice, _)| slice),
        check: condition.check,
        text,
    })
}

/// A condition, compiled for a field.
struct FieldCondition {
    check: ValueCheck,
    negated: bool,
    /// The default quantifier for a field with several values.
    quantifier: Quantifier,
    /// The canonical text, with `{}` for the field.
    text: String,
}

fn compile_condition(
    field: &FieldInfo,
    mask: Option<u64>,
    condition: Option<&ValueCondition<'_>>,
) -> Result<FieldCondition, FilterError> {
    let any = |check, text| FieldCondition {
        check,
        negated: false,
        quantifier: Quantifier::Any,
        text,
    };
    match condition {
        None => {
            let check = match mask {
                Some(mask) => ValueCheck::Masked(mask, Box::new([(1, i128::MAX)])),
                None => ValueCheck::Present,
            };
            Ok(any(check, "{}".to_owned()))
        }
        Some(ValueCondition::In {
            negated,
            span,
            items,
        }) => {
            refuse_label(field, span)?;
            let (check, list) = read_set(field, mask, items)?;
            let not = if *negated { "not " } else { "" };
            Ok(FieldCondition {
                check,
                negated: *negated,
                quantifier: match negated {
                    true => Quantifier::All,
                    false => Quantifier::Any,
                },
                text: format!("{{}} {not}in {{{list}}}"),
            })
        }
        Some(ValueCondition::Compare(compare, span, literal)) => {
            refuse_label(field, span)?;
            let (check, value) = read_comparison(field, mask, *compare, span, literal)?;
            let text = format!("{{}} {} {value}", print::sign(*compare));
            Ok(FieldCondition {
                check,
                negated: matches!(compare, Comparison::Unequal | Comparison::AnyUnequal),
                quantifier: match compare {
                    Comparison::Unequal | Comparison::AllEqual => Quantifier::All,
                    _ => Quantifier::Any,
                },
                text,
            })
        }
    }
}

fn refuse_label(field: &FieldInfo, span: &std::ops::Range<usize>) -> Result<(), FilterError> {
    if !matches!(field.ty, ValueType::Label) {
        return Ok(());
    }
    let message = format!(
        "{} has no value to compare; it stands alone, or one of its fields is meant",
        field.name
    );
    Err(FilterError::new(message, span.clone()))
}

fn read_mask(field: &FieldInfo, literal: &Literal<'_>) -> Result<u64, FilterError> {
    if field.ty.has_bits() {
        return literal::parse_mask(field, literal);
    }
    let message = format!(
        "{} is {}, which has no bits to mask",
        field.name,
        noun(field)
    );
    Err(FilterError::new(message, literal.span.clone()))
}

/// Compiles a set of values and ranges, and returns its canonical text.
fn read_set(
    field: &FieldInfo,
    mask: Option<u64>,
    items: &[(Literal<'_>, Option<Literal<'_>>)],
) -> Result<(ValueCheck, String), FilterError> {
    let mut ranges = Vec::new();
    let mut patterns = Vec::new();
    let mut list = Vec::new();
    for (low, high) in items {
        if !field.ty.is_number() {
            if let Some(high) = high {
                let message = format!("{} is {}, which has no ranges", field.name, noun(field));
                return Err(FilterError::new(message, high.span.clone()));
            }
            let pattern = text_pattern(field, low)?;
            list.push(print::text(field.ty, &pattern.bytes));
            patterns.push(pattern);
            continue;
        }
        let first = literal::parse_number(field, low)?;
        let Some(high) = high else {
            list.push(print::number(field.ty, first));
            ranges.push(first);
            continue;
        };
        if !field.ty.is_ordered() {
            let message = format!("{} is {}, which has no ranges", field.name, noun(field));
            return Err(FilterError::new(message, high.span.clone()));
        }
        let last = literal::parse_number(field, high)?;
        if last.1 < first.0 {
            let message = "the range ends before it begins";
            return Err(FilterError::new(message, low.span.start..high.span.end));
        }
        let (from, to) = (
            print::number(field.ty, first),
            print::number(field.ty, last),
        );
        list.push(format!("{from}..{to}"));
        ranges.push((first.0, last.1));
    }
    let list = list.join(", ");
    if field.ty.is_number() {
        return Ok((range_check(mask, ranges), list));
    }
    Ok((ValueCheck::Equal(patterns.into()), list))
}

/// Compiles a comparison, and returns the canonical text of its value.
fn read_comparison(
    field: &FieldInfo,
    mask: Option<u64>,
    compare: Comparison,
    span: &std::ops::Range<usize>,
    literal: &Literal<'_>,
) -> Result<(ValueCheck, String), FilterError> {
    let word = print::sign(compare);
    match compare {
        Comparison::Contains | Comparison::Matches => {
            let named = match field.ty {
                ValueType::Named(names) => Some(names),
                ValueType::Text | ValueType::Bytes => None,
                _ => {
                    let message = format!(
                        "`{word}` looks into text and bytes; {} is {}",
                        field.name,
                        noun(field)
                    );
                    return Err(FilterError::new(message, span.clone()));
                }
            };
            if mask.is_some() {
                let message = "masked bits are numbers, which contain no text";
                return Err(FilterError::new(message, span.clone()));
            }
            let (check, text) = compile_search(field, compare, literal)?;
            let Some(names) = named else {
                return Ok((check, text));
            };
            let points = names
                .iter()
                .filter(|(_, name)| check.accepts(name.as_bytes()))
                .map(|(number, _)| (number, number))
                .collect();
            Ok((range_check(None, points), text))
        }
        Comparison::Less
        | Comparison::LessEqual
        | Comparison::Greater
        | Comparison::GreaterEqual => {
            if !field.ty.is_ordered() {
                let message = format!(
                    "`{word}` compares what has an order; {} is {}",
                    field.name,
                    noun(field)
                );
                return Err(FilterError::new(message, span.clone()));
            }
            let value = literal::parse_number(field, literal)?;
            let range = match compare {
                Comparison::Less => (i128::MIN, value.0.saturating_sub(1)),
                Comparison::LessEqual => (i128::MIN, value.1),
                Comparison::Greater => (value.1.saturating_add(1), i128::MAX),
                _ => (value.0, i128::MAX),
            };
            Ok((
                range_check(mask, vec![range]),
                print::number(field.ty, value),
            ))
        }
        Comparison::Equal | Comparison::Unequal | Comparison::AllEqual | Comparison::AnyUnequal => {
            if field.ty.is_number() {
                let value = literal::parse_number(field, literal)?;
                return Ok((
                    range_check(mask, vec![value]),
                    print::number(field.ty, value),
                ));
            }
            let pattern = text_pattern(field, literal)?;
            let text = print::text(field.ty, &pattern.bytes);
            Ok((ValueCheck::Equal(Box::new([pattern])), text))
        }
    }
}

fn compile_search(
    field: &FieldInfo,
    compare: Comparison,
    literal: &Literal<'_>,
) -> Result<(ValueCheck, String), FilterError> {
    if compare == Comparison::Contains {
        let pattern = text_pattern(field, literal)?;
        let text = print::text(field.ty, &pattern.bytes);
        return Ok((ValueCheck::Contains(pattern), text));
    }
    let pattern = pattern_as_text(&literal::parse_text(literal));
    // As in Wireshark, case does not count; (?-i) makes it count.
    let regex = RegexBuilder::new(&pattern)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build();
    match regex {
        Ok(regex) => Ok((
            ValueCheck::Matches(regex),
            print::quoted(pattern.as_bytes()),
        )),
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            let message = format!("the pattern is no regular expression: {reason}");
            Err(FilterError::new(message, literal.span.clone()))
        }
    }
}

/// A pattern as text; bytes that are not valid text are escaped.
fn pattern_as_text(pattern: &[u8]) -> String {
    let mut text = String::with_capacity(pattern.len());
    for chunk in pattern.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

fn text_pattern(field: &FieldInfo, literal: &Literal<'_>) -> Result<TextPattern, FilterError> {
    Ok(TextPattern::new(match field.ty {
        ValueType::Bytes => literal::parse_bytes(literal)?,
        _ => literal::parse_text(literal),
    }))
}

/// A check for ranges, merged where they touch.
fn range_check(mask: Option<u64>, mut ranges: Vec<NumberRange>) -> ValueCheck {
    ranges.sort_unstable();
    let mut merged: Vec<NumberRange> = Vec::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    match (mask, merged.as_slice()) {
        (Some(mask), _) => ValueCheck::Masked(mask, merged.into()),
        (None, [(low, high)]) => ValueCheck::Range(*low, *high),
        (None, _) => ValueCheck::Ranges(merged.into()),
    }
}

fn noun(field: &FieldInfo) -> String {
    let name = field.ty.name();
    let article = match field.ty {
        ValueType::Bytes | ValueType::Text | ValueType::Flags(_) => "",
        _ if name.starts_with(['a', 'e']) => "an ",
        _ => "a ",
    };
    let name = match field.ty {
        ValueType::Unsigned | ValueType::Signed => "number",
        ValueType::Bool => "truth value",
        _ => name,
    };
    let article = if name == "number" { "a " } else { article };
    format!("{article}{name}")
}

/// The field of that name, which begins at `start` of the input.
pub(super) fn lookup(
    name: &str,
    start: usize,
    fields: &'static FilterFields,
) -> Result<&'static FieldInfo, FilterError> {
    if let Some(found) = fields.field(name) {
        return Ok(found);
    }
    // The longest beginning that is a field decides what is said of the rest.
    let mut owners = name
        .match_indices('.')
        .map(|(dot, _)| dot)
        .collect::<Vec<_>>();
    owners.reverse();
    for dot in owners {
        let (Some(owner), Some(rest)) = (name.get(..dot), name.get(dot + 1..)) else {
            continue;
        };
        let Some(owner) = fields.field(owner).filter(|owner| owner.name != "dxg") else {
            continue;
        };
        let inside = format!("{}.", owner.name);
        let parts = fields
            .iter()
            .filter_map(|field| field.name.strip_prefix(&inside));
        let label = owner.name.strip_prefix(PREFIX).unwrap_or(&owner.name);
        let message = format!("{label} has no field `{rest}`");
        let span = start + dot + 1..start + name.len();
        return Err(FilterError::new(message, span).suggest(rest, parts));
    }
    let short = name.strip_prefix(PREFIX).unwrap_or(name);
    let candidates = fields
        .iter()
        .map(|field| field.name.strip_prefix(PREFIX).unwrap_or(&field.name));
    let error = FilterError::new(
        format!("no field is called `{name}`"),
        start..start + name.len(),
    );
    Err(error.suggest(short, candidates))
}
