//! A table of a later driver: a message whose request was changed twice, and whose
//! reply has three forms. The product's table does not contain it.

use dxgtrace_protocol::schema::FieldType::{Byte, U32, U64};
use dxgtrace_protocol::schema::{
    DriverEra, Message, MessageSet, TailLength, device_field, field, form, layout, status_field,
    tail,
};
use dxgtrace_protocol::table::Catalog;

use crate::generate::{self, Framing, Made, Plan};

/// The interface version that changed the message.
pub const CHANGED: u32 = 41;

/// The table.
pub static CATALOG: Catalog = Catalog::new(&[&[Message::new(
    MessageSet::Vgpu,
    100,
    "label_device",
    "LABELDEVICE",
    "Gives a device a name and a color.",
)
.request_since(
    CHANGED,
    layout(
        48,
        &[
            device_field(24),
            field(28, "flags", U32, "Unused.").reserved(),
            field(32, "color", U64, "Any color."),
            field(40, "label_length", U32, "Bytes of the label."),
        ],
    )
    .gap(44, 4)
    .tails(
        48,
        &[tail(
            "label",
            Byte,
            TailLength::Field("label_length"),
            "The label.",
        )],
    ),
)
.request_form(
    form(layout(
        32,
        &[
            device_field(24),
            field(28, "color", U32, "A color.").range(1, 3),
        ],
    ))
    .of_era(DriverEra::Mid2021, &[32]),
)
.request(
    layout(
        40,
        &[
            device_field(24),
            field(28, "color", U32, "A color.").range(1, 9),
            field(32, "label_length", U32, "Bytes of the label."),
        ],
    )
    .gap(36, 4)
    .tails(
        40,
        &[tail(
            "label",
            Byte,
            TailLength::Field("label_length"),
            "The label.",
        )],
    ),
)
.reply_since(
    CHANGED,
    layout(
        16,
        &[
            status_field(0),
            field(4, "kept_length", U32, "Bytes that were kept."),
            field(8, "label_id", U64, "Number of the label."),
        ],
    )
    .tails(
        16,
        &[tail(
            "label",
            Byte,
            TailLength::Request("label_length"),
            "The label as it was kept.",
        )],
    ),
)
.reply_since(
    40,
    layout(
        8,
        &[
            status_field(0),
            field(4, "kept_length", U32, "Bytes that were kept."),
        ],
    ),
)
.reply_status()]]);

/// A request of an interface version with its reply.
pub fn exchange(version: u32, seed: u64) -> (Made, Made) {
    let framing = match version {
        ..40 => Framing::Old,
        _ => Framing::Extended,
    };
    let message = CATALOG.by_name("label_device");
    #[expect(
        clippy::expect_used,
        reason = "a test fails by panicking, in its helpers too"
    )]
    let message = message.expect("it is the only one");
    let plan = Plan::new(framing, seed).with_version(version);
    let request = generate::request(message, plan);
    let mut reply = generate::reply(&request, plan);
    reply.number = request.number + 1;
    reply.time = request.time + 1000;
    (request, reply)
}
