//! Lines of columns.

use dxgtrace_query::filter::{ColumnFields, FieldOptions, FilterNeeds};

use super::support::{Case, exchange};

fn lines(case: &Case<'_>, names: &[&str], options: FieldOptions) -> String {
    let mut fields = ColumnFields::new(names, options).expect("names of fields");
    let mut out = Vec::new();
    fields.write_header(&mut out).expect("memory takes all");
    fields
        .write(&case.record(), &mut out)
        .expect("memory takes all");
    String::from_utf8(out).expect("text")
}

fn with(options: &[&str]) -> FieldOptions {
    let mut set = FieldOptions::default();
    for option in options {
        set.set(option).expect("an option");
    }
    set
}

#[test]
fn options_shape_the_line() {
    let (mut made, _) = exchange("make_resident");
    made.payload.truncate(16 + 40);
    made.payload[16 + 32..16 + 40].copy_from_slice(&[2, 0, 0, 0, 2, 0, 0, 0]);
    made.payload
        .extend([1, 0, 0, 0x40, 2, 0, 0, 0x40, 0, 0, 0, 0]);
    made.header.payload_length = made.payload.len() as u32;
    made.header.comm = *b"a \"b\",\t\x1b\\\xff\0\0\0\0\0\0";
    let case = Case::new(&made, None);
    let names = [
        "dxg.message",
        "make_resident.flags",
        "make_resident.allocations",
        "dxg.status",
        "dxg.comm",
    ];
    assert_eq!(
        lines(&case, &names, FieldOptions::default()),
        "make_resident\t0x00000002\t0x40000001,0x40000002\t\ta \"b\",\\t\\u{1b}\\\\\\xff\n"
    );
    assert_eq!(
        lines(
            &case,
            &names[..4],
            with(&["header=y", "separator=,", "quote=d", "occurrence=l"])
        ),
        "\"dxg.message\",\"dxg.make_resident.flags\",\"dxg.make_resident.allocations\",\"dxg.status\"\n\
         \"make_resident\",\"0x00000002\",\"0x40000002\",\"\"\n"
    );
    assert_eq!(
        lines(&case, &names[2..3], with(&["occurrence=f"])),
        "0x40000001\n"
    );
    assert_eq!(
        lines(&case, &names[2..], FieldOptions::csv()),
        "dxg.make_resident.allocations,dxg.status,dxg.comm\n\
         0x40000001;0x40000002,,\"a \"\"b\"\",\\t\\u{1b}\\\\\\xff\"\n"
    );
    assert_eq!(
        lines(
            &case,
            &["frame.time_relative", "dxg.direction", "dxg.ext.vgpu_luid"],
            with(&["separator=/s"])
        )
        .split(' ')
        .take(2)
        .collect::<Vec<_>>(),
        ["1.500000000", "guest_to_host"]
    );
}

#[test]
fn unknown_columns_name_those_that_exist() {
    let error =
        ColumnFields::new(&["dxg.pid", "dxg.comn"], FieldOptions::default()).expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "no field is called `dxg.comn`; did you mean `comm`?"
    );
    let fields =
        ColumnFields::new(&["dxg.pid", "dxg.time"], FieldOptions::default()).expect("fields");
    assert_eq!(fields.needs(), FilterNeeds::PAIRING);
}
