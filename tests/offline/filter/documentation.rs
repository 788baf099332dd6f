//! `docs/filters.md` says nothing that is not so.

use dxgtrace_query::filter::{self, ColumnFields, FieldOptions, Filter};

const GUIDE: &str = include_str!("../../../docs/filters.md");

/// The blocks of a language in the guide.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = GUIDE.split(&fence).skip(1);
    let blocks: Vec<_> = parts.filter_map(|part| part.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the guide has {language} blocks");
    blocks
}

#[test]
fn every_example_is_a_filter() {
    for line in blocks("filter").iter().flat_map(|block| block.lines()) {
        let filter = Filter::parse(line);
        let filter = filter.unwrap_or_else(|error| panic!("{error}\n{}", error.caret()));
        let canonical = filter.to_string();
        let again = Filter::parse(&canonical).expect("what is printed is a filter");
        assert_eq!(again.to_string(), canonical);
    }
}

#[test]
fn every_wrong_example_is_refused_as_it_says() {
    for block in blocks("filter-error") {
        let input = block
            .lines()
            .nth(1)
            .expect("the filter in the second line")
            .trim();
        let error = Filter::parse(input).expect_err(input);
        assert_eq!(format!("error: {error}\n{}\n", error.caret()), block);
    }
}

#[test]
fn every_command_line_has_a_filter_and_columns_that_exist() {
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        let mut options = FieldOptions::default();
        if let Some((_, rest)) = line.split_once("-Y '") {
            let filter = rest.split('\'').next().expect("an end of the filter");
            Filter::parse(filter).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            match pair {
                ["-e", name] => {
                    ColumnFields::new(&[name], options)
                        .unwrap_or_else(|error| panic!("{line}: {error}"));
                }
                ["-E", option] => options
                    .set(option)
                    .unwrap_or_else(|error| panic!("{line}: {error}")),
                _ => {}
            }
        }
    }
}

#[test]
fn every_name_in_its_tables_is_a_field() {
    let rows = GUIDE
        .lines()
        .filter(|line| line.starts_with("| `dxg.") || line.starts_with("| `frame."));
    let mut count = 0;
    for row in rows {
        let first = row.split('|').nth(1).expect("a first cell");
        for name in first
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| !name.contains('<'))
        {
            assert!(filter::field(name).is_some(), "{name}");
            count += 1;
        }
    }
    assert!(count > 30, "{count} names");
}
