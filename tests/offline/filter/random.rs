//! Any input.

use dxgtrace_query::filter::{self, Filter, ValueType};
use dxgtrace_tests::exercise;
use proptest::prelude::*;

/// A literal that suits a type, more or less.
fn literal(ty: ValueType) -> BoxedStrategy<String> {
    match ty {
        ValueType::Bool => prop_oneof![Just("true".to_owned()), Just("0".to_owned())].boxed(),
        ValueType::Named(names) => {
            let names: Vec<String> = names.iter().map(|(_, name)| name.to_owned()).collect();
            if names.is_empty() {
                return any::<u8>().prop_map(|number| number.to_string()).boxed();
            }
            prop::sample::select(names).boxed()
        }
        ValueType::Luid => any::<(u32, u32)>()
            .prop_map(|(a, b)| format!("{a:08x}-{b:08x}"))
            .boxed(),
        ValueType::Duration => prop_oneof![
            any::<u16>().prop_map(|number| format!("{number}.5ms")),
            any::<i32>().prop_map(|number| format!("{number}ns")),
        ]
        .boxed(),
        ValueType::Time => any::<(u32, u16)>()
            .prop_map(|(a, b)| format!("{a}.{b}"))
            .boxed(),
        ValueType::Text => any::<String>().prop_map(|text| format!("{text:?}")).boxed(),
        ValueType::Bytes => prop::collection::vec(any::<u8>(), 1..5)
            .prop_map(|bytes| {
                let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                pairs.join(":")
            })
            .boxed(),
        _ => prop_oneof![
            Just("1".to_owned()),
            Just("0x0".to_owned()),
            any::<u32>().prop_map(|number| format!("{number:#x}")),
        ]
        .boxed(),
    }
}

fn test() -> impl Strategy<Value = String> {
    let all: Vec<_> = filter::fields().collect();
    let sign = prop::sample::select(vec![
        "==", "!=", "===", "!==", "<", "ge", "contains", "matches", "& 1 ==", "&", "in", "not in",
    ]);
    (
        prop::sample::select(all),
        sign,
        prop::sample::select(vec!["", "any ", "all "]),
    )
        .prop_flat_map(|(field, sign, quantifier)| {
            (literal(field.ty), literal(field.ty)).prop_map(move |(a, b)| {
                let name = &field.name;
                match sign {
                    _ if matches!(field.ty, ValueType::Label) => name.clone(),
                    "in" | "not in" => format!("{quantifier}{name} {sign} {{{a}, {b}}}"),
                    "contains" | "matches" => {
                        format!("{quantifier}{name} {sign} \"{}\"", &field.name[..2])
                    }
                    _ => format!("{quantifier}{name} {sign} {a}"),
                }
            })
        })
}

fn expression() -> impl Strategy<Value = String> {
    test().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" && ")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

/// Pieces of the language in any order: nearer to sense than random letters.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "dxg.pid",
        "make_resident",
        "make_resident.",
        "==",
        "!=",
        "!",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "..",
        ",",
        "&",
        "&&",
        "in",
        "not",
        "and",
        "or",
        "any",
        "3",
        "-1",
        "0x",
        "\"",
        "\\",
        "r\"a\"",
        "1.5ms",
        "0:4",
        "dxg.comm",
        "matches",
        "\"(\"",
        "contains",
        "é",
        "\u{0}",
        "escape.priv_drv_data",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.join(" "))
}

fn survives(input: &str) {
    exercise::filter(input.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(input in any::<String>()) {
        survives(&input);
    }

    #[test]
    fn any_pieces_are_parsed_or_refused(input in pieces()) {
        survives(&input);
    }

    #[test]
    fn what_is_printed_means_the_same(input in expression()) {
        survives(&input);
    }

    #[test]
    fn sensible_expressions_are_taken_unless_they_say_why(input in expression()) {
        if let Err(error) = Filter::parse(&input) {
            let known = ["order", "no bits", "looks into", "masked", "does not fit", "matches nothing"];
            prop_assert!(known.iter().any(|reason| error.message.contains(reason)), "{}: {}", input, error);
        }
    }
}
