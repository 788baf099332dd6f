//! Messages from the host to the guest.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Host,
        0,
        "signal_guest_event",
        "SIGNALGUESTEVENT",
        "Wakes a waiter in the guest.",
    )
    .cause("A CPU wait or an enqueued CPU event completed.")
    .event(
        layout(
            48,
            &[
                field(
                    24,
                    "event",
                    Event,
                    "Guest event id sent earlier (ids 8, 22, 26).",
                )
                .destroys(),
                field(32, "process_id", U64, "Not used by the guest."),
                field(40, "dereference_event", Bool, "Not used by the guest."),
            ],
        )
        .gap(41, 7),
    )
    .notes(&[
        "Guest requires at least 48 payload bytes and a non-zero event; \
         unknown ids are ignored silently.",
        "Ids of D3DDDI_CPU_NOTIFICATION objects may be signalled \
         repeatedly; all others once.",
    ]),
    Message::new(
        Host,
        1,
        "propagate_present_history_token",
        "PROPAGATEPRESENTHISTORYTOKEN",
        "Named only; the driver reports it as unexpected.",
    )
    .mode(ReplyMode::OneWay)
    .cause(
        "Named only; if received the guest logs an unexpected-message \
                     error.",
    ),
    Message::new(
        Host,
        2,
        "set_guest_data",
        "SETGUESTDATA",
        "Tells the guest that the execution state of some device changed.",
    )
    .cause(
        "Host asks the guest to update a value: used to announce that some \
                     device execution state changed.",
    )
    .event(
        layout(
            48,
            &fields([
                field(
                    24,
                    "guest_pointer",
                    Pointer,
                    "Must equal the CREATEDEVICE.error_code cookie.",
                )
                .echoes("create_device", "error_code"),
                field(32, "data64", U64, "The value, as 64 bits.").when(when("data_type", &[1])),
                field(32, "data32", U32, "The value, as 32 bits.").when(when("data_type", &[0])),
                field(40, "dereference", U32, "Not used by the guest.").bits(0, 1),
                field(
                    40,
                    "data_type",
                    Enum(&SET_GUEST_DATA_TYPE),
                    "SET_GUEST_DATA_TYPE.",
                )
                .bits(1, 4),
            ]),
        )
        .gap(44, 4),
    )
    .notes(&[
        "Accepted only when data_type == 0, the pointer matches and data32 \
         != 0; the effect is a counter increment, the value itself is not \
         stored.",
        "No length check beyond the 24-byte header in the guest.",
        "Ignored by 2020/2021a drivers.",
    ]),
    Message::new(
        Host,
        3,
        "signal_guest_event_passive",
        "SIGNALGUESTEVENTPASSIVE",
        "Wakes a waiter in the guest, raised at passive level on the host.",
    )
    .cause(
        "Same as SIGNALGUESTEVENT (passive-level variant on the host); \
                     handled identically.",
    )
    .event(
        layout(
            48,
            &[
                field(24, "event", Event, "Guest event id.").destroys(),
                field(32, "process_id", U64, "Not used by the guest."),
                field(40, "dereference_event", Bool, "Not used by the guest."),
            ],
        )
        .gap(41, 7),
    ),
    Message::new(
        Host,
        4,
        "send_wnf_notification",
        "SENDWNFNOTIFICATION",
        "Accepted and ignored by the driver.",
    )
    .mode(ReplyMode::OneWay)
    .cause("Accepted and ignored by the guest; layout unknown."),
];
