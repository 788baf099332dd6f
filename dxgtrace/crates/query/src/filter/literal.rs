//! Parses values as the type of the field requires.

use super::error::FilterError;
use super::fields::FieldInfo;
use super::parse::{BareValue, Literal};
use super::types::{ValueNames, ValueType};
use dxgtrace_protocol::schema::values::Flags;

/// Symbol and nanoseconds of each unit of time.
pub(super) const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// The first and last of the numbers that a value stands for.
pub(super) type NumberRange = (i128, i128);

/// Parses a value for a field whose values are numbers.
pub(super) fn parse_number(
    field: &FieldInfo,
    literal: &Literal<'_>,
) -> Result<NumberRange, FilterError> {
    let refuse = |message: String| Err(FilterError::new(message, literal.span.clone()));
    let text;
    let word = match &literal.kind {
        BareValue::Word(word) => *word,
        BareValue::Text(bytes) => {
            text = String::from_utf8_lossy(bytes);
            match field.ty {
                ValueType::Named(_) => text.as_ref(),
                _ => {
                    return refuse(format!(
                        "{} is compared with {}, not with text",
                        field.name,
                        expected_form(field.ty)
                    ));
                }
            }
        }
    };
    let value = match field.ty {
        ValueType::Bool => return parse_bool(field, literal, word),
        ValueType::Named(names) => match parse_integer(word).filter(|_| names.has_numbers()) {
            Some(value) => Some(value),
            None => return number_of_name(names, literal, word).map(|value| (value, value)),
        },
        ValueType::Luid => parse_luid(word),
        ValueType::Duration => parse_duration(word),
        ValueType::Time => parse_decimal(word, SECOND),
        ValueType::Flags(set) => parse_integer(word).or_else(|| bit_by_name(set, word)),
        _ => parse_integer(word),
    };
    let Some(value) = value else {
        let error = FilterError::new(
            format!("`{word}` is not {}", expected_form(field.ty)),
            literal.span.clone(),
        );
        return Err(match field.ty {
            ValueType::Flags(set) => error.suggest(word, set.bits.iter().map(|bit| bit.name)),
            _ => error,
        });
    };
    match fit_to_width(field, value) {
        Some(value) => Ok((value, value)),
        None => refuse(format!(
            "{word} does not fit into the {} bits of {}",
            field.width, field.name
        )),
    }
}

/// Parses a mask: a number, or the name of a bit.
pub(super) fn parse_mask(field: &FieldInfo, literal: &Literal<'_>) -> Result<u64, FilterError> {
    let (value, _) = parse_number(field, literal)?;
    let bits = u64::MAX >> (64 - field.width.clamp(1, 64));
    match value as u64 & bits {
        0 => Err(FilterError::new(
            "a mask without bits matches nothing",
            literal.span.clone(),
        )),
        mask => Ok(mask),
    }
}

/// Parses a value for a text field.
pub(super) fn parse_text(literal: &Literal<'_>) -> Vec<u8> {
    match &literal.kind {
        BareValue::Word(word) => word.as_bytes().to_vec(),
        BareValue::Text(text) => text.clone(),
    }
}

/// Parses a value for a bytes field: pairs of hexadecimal digits, or a quoted
/// text.
pub(super) fn parse_bytes(literal: &Literal<'_>) -> Result<Vec<u8>, FilterError> {
    let word = match &literal.kind {
        BareValue::Text(text) => return Ok(text.clone()),
        BareValue::Word(word) => *word,
    };
    let separated = word.contains([':', '-', '.']);
    let bytes = if separated {
        word.split([':', '-', '.']).map(parse_hex_byte).collect()
    } else {
        let digits = word.strip_prefix("0x").unwrap_or(word).as_bytes();
        digits
            .chunks(2)
            .map(|digits| std::str::from_utf8(digits).ok().and_then(parse_hex_byte))
            .collect::<Option<Vec<u8>>>()
            .filter(|bytes| bytes.len() * 2 == digits.len() && !bytes.is_empty())
    };
    bytes.ok_or_else(|| {
        FilterError::new(
            format!("`{word}` is not bytes, which are written as de:ad:be or \"text\""),
            literal.span.clone(),
        )
    })
}

fn parse_hex_byte(digits: &str) -> Option<u8> {
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > 2 || !all {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Describes the form of a value of type `ty`.
fn expected_form(ty: ValueType) -> String {
    match ty {
        ValueType::Bool => "true or false".to_owned(),
        ValueType::Luid => "a LUID like 00000001-c0ffee12".to_owned(),
        ValueType::Time => "seconds since 1970".to_owned(),
        ValueType::Duration => "a time like 1.5ms or 2s".to_owned(),
        ValueType::Flags(_) => "a number or the name of a bit".to_owned(),
        ValueType::Handle(_) => "a handle like 0x40000001".to_owned(),
        ValueType::Named(names) if names.is_open() => format!("a number or {}", names.noun()),
        ValueType::Named(names @ (ValueNames::Words(_) | ValueNames::Severity)) => {
            let words: Vec<&str> = names.iter().map(|(_, word)| word).collect();
            format!("one of {}", words.join(", "))
        }
        ValueType::Named(names) => names.noun().to_owned(),
        ValueType::Label
        | ValueType::Unsigned
        | ValueType::Signed
        | ValueType::Pointer
        | ValueType::Address
        | ValueType::Text
        | ValueType::Bytes => "a number".to_owned(),
    }
}

/// Parses an integer in decimal, hexadecimal or binary notation.
pub(super) fn parse_integer(word: &str) -> Option<i128> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ => (10, digits),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    Some(if negative { -value } else { value })
}

/// Converts `value` to the field's range; `None` if it does not fit. A signed
/// number may be written as its bit pattern, and a status as a negative number.
fn fit_to_width(field: &FieldInfo, value: i128) -> Option<i128> {
    if matches!(field.ty, ValueType::Time | ValueType::Duration) {
        return Some(value);
    }
    let room = 1_i128 << field.width.clamp(1, 64);
    let half = room / 2;
    let value = match (field.ty.is_signed(), field.ty) {
        (true, _) if value >= half => value - room,
        (false, ValueType::Named(ValueNames::Status)) if value < 0 && value >= -half => {
            value + room
        }
        _ => value,
    };
    let fits = if field.ty.is_signed() {
        (-half..half).contains(&value)
    } else {
        (0..room).contains(&value)
    };
    fits.then_some(value)
}

fn parse_bool(
    field: &FieldInfo,
    literal: &Literal<'_>,
    word: &str,
) -> Result<NumberRange, FilterError> {
    // Every nonzero number is true.
    let most = (1_i128 << field.width.clamp(1, 64)) - 1;
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" => return Ok((1, most)),
        "false" | "no" => return Ok((0, 0)),
        _ => {}
    }
    match parse_integer(word).filter(|value| (0..=most).contains(value)) {
        Some(value) => Ok((value, value)),
        None => Err(FilterError::new(
            format!("`{word}` is not {}", expected_form(field.ty)),
            literal.span.clone(),
        )),
    }
}

fn bit_by_name(set: &Flags, word: &str) -> Option<i128> {
    set.bits
        .iter()
        .find(|bit| bit.name.eq_ignore_ascii_case(word))
        .map(|bit| i128::from(bit.mask()))
}

fn parse_luid(word: &str) -> Option<i128> {
    let hex = |digits: &str| {
        let fits = digits.len() <= 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        fits.then(|| u32::from_str_radix(digits, 16).ok())?
    };
    match word.split_once('-') {
        Some((high, low)) => Some(i128::from(
            u64::from(hex(high)?) << 32 | u64::from(hex(low)?),
        )),
        None => parse_integer(word),
    }
}

fn parse_duration(word: &str) -> Option<i128> {
    let end = word.find(|letter: char| letter.is_ascii_alphabetic());
    let (number, unit) = word.split_at_checked(end.unwrap_or(word.len()))?;
    let scale = match unit {
        "" => SECOND,
        _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    parse_decimal(number, scale)
}

/// A decimal fraction of `scale` nanoseconds, to the nanosecond.
fn parse_decimal(word: &str, scale: i128) -> Option<i128> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    let some = !(whole.is_empty() && fraction.is_empty());
    if !some || whole.len() > 18 || fraction.len() > 18 || !is_number(whole) || !is_number(fraction)
    {
        return None;
    }
    let number = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<i128>().ok()
        }
    };
    let unit = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = number(fraction)?.checked_mul(scale)?;
    if parts % unit != 0 {
        return None;
    }
    let value = number(whole)?
        .checked_mul(scale)?
        .checked_add(parts / unit)?;
    Some(if negative { -value } else { value })
}

/// The number of a name. A prefix up to a `_` may be omitted; of several
/// matching names, the shortest one is meant.
fn number_of_name(
    names: ValueNames,
    literal: &Literal<'_>,
    word: &str,
) -> Result<i128, FilterError> {
    let mut found: Vec<(usize, i128, &str)> = names
        .iter()
        .filter(|(_, name)| is_name_or_suffix(name, word))
        .map(|(number, name)| (name.len(), number, name))
        .collect();
    found.sort_unstable();
    let shortest = found.first().map_or(0, |(length, ..)| *length);
    found.retain(|(length, ..)| *length == shortest);
    found.dedup_by_key(|(_, number, _)| *number);
    match found.as_slice() {
        [(_, number, _)] => Ok(*number),
        [] => {
            let all: Vec<&str> = names.iter().map(|(_, name)| name).collect();
            let short = all
                .iter()
                .filter_map(|name| name.split_once('_').map(|(_, end)| end));
            let error = FilterError::new(
                format!("`{word}` is not {}", expected_form(ValueType::Named(names))),
                literal.span.clone(),
            );
            let error = error.suggest(word, all.iter().copied());
            Err(match error.suggestions.is_empty() {
                true => error.suggest(word, short),
                false => error,
            })
        }
        several => {
            let mut error = FilterError::new(
                format!("`{word}` can mean several names"),
                literal.span.clone(),
            );
            error.suggestions = several
                .iter()
                .map(|(.., name)| (*name).to_owned())
                .collect();
            Err(error)
        }
    }
}

/// Whether a name is `word`, or ends with it after a `_` or the `D3DKMT` of
/// the library's functions.
fn is_name_or_suffix(name: &str, word: &str) -> bool {
    let Some(start) = name.len().checked_sub(word.len()) else {
        return false;
    };
    let Some((before, end)) = name.split_at_checked(start) else {
        return false;
    };
    !word.is_empty()
        && end.eq_ignore_ascii_case(word)
        && (before.is_empty() || before.ends_with('_') || before == "D3DKMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        assert_eq!(parse_duration("1.5ms"), Some(1_500_000));
        assert_eq!(parse_duration("2s"), Some(2_000_000_000));
        assert_eq!(parse_duration("2"), Some(2_000_000_000));
        assert_eq!(parse_duration("0.000000001"), Some(1));
        assert_eq!(parse_duration("-3us"), Some(-3_000));
        assert_eq!(parse_duration("1min"), Some(60_000_000_000));
        assert_eq!(parse_duration("0.5ns"), None);
        assert_eq!(parse_duration("ms"), None);
        assert_eq!(parse_duration("1.5 ms"), None);
        assert_eq!(parse_duration("99999999999999999999s"), None);
    }

    #[test]
    fn numbers_have_three_forms() {
        assert_eq!(parse_integer("10"), Some(10));
        assert_eq!(parse_integer("0X1f"), Some(31));
        assert_eq!(parse_integer("-0b101"), Some(-5));
        assert_eq!(parse_integer("0x"), None);
        assert_eq!(parse_integer("+1"), None);
        assert_eq!(parse_integer("1_000"), None);
        assert_eq!(parse_integer("99999999999999999999"), None);
    }

    #[test]
    fn luids_are_high_and_low_part() {
        assert_eq!(parse_luid("00000001-c0ffee12"), Some(0x1_c0ff_ee12));
        assert_eq!(parse_luid("1-2"), Some(0x1_0000_0002));
        assert_eq!(parse_luid("1-2-3"), None);
        assert_eq!(parse_luid("-1"), None);
    }
}
