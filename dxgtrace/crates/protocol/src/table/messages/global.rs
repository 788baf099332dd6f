//! The whole virtual machine: processes, sharing, the I/O window.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Global,
        1000,
        "create_process",
        "CREATEPROCESS",
        "Announces a process that opened the device; the host mirrors it.",
    )
    .cause(
        "First open of /dev/dxg by a process (one host process object per \
                     thread-group id; later opens by the same tgid reuse it).",
    )
    .header_process(HeaderProcess::Nobody)
    .impact(FailureImpact::Vital)
    .request(
        layout(
            568,
            &[
                field(
                    24,
                    "process",
                    Pointer,
                    "Guest kernel pointer used only as a cookie; never dereference, \
                     may be hidden from users.",
                ),
                field(
                    32,
                    "process_id",
                    U64,
                    "Linux thread id (task pid in the initial pid namespace) of the \
                     opener, not the tgid.",
                )
                .role(FieldRole::Opener),
                field(
                    40,
                    "process_name",
                    Utf16,
                    "Comm of the opener, each byte widened to 16 bits (not real UTF-16 \
                     conversion); NUL-terminated, rest zero.",
                )
                .array(261)
                .role(FieldRole::Name),
                field(562, "csrss_process", U8, "Always 0.")
                    .bits(0, 1)
                    .always(0),
                field(562, "dwm_process", U8, "Always 0.")
                    .bits(1, 1)
                    .always(0),
                field(562, "wow64_process", U8, "Always 0.")
                    .bits(2, 1)
                    .always(0),
                field(562, "linux_process", U8, "Always 1 from this driver.")
                    .bits(3, 1)
                    .always(1),
                field(562, "reserved", U8, "Unused.").bits(4, 4).reserved(),
            ],
        )
        .gap(563, 5),
    )
    .reply(layout(
        4,
        &[field(
            0,
            "hprocess",
            Handle(&[Process]),
            "The process; 0 means failure.",
        )
        .creates()],
    ))
    .notes(&[
        "Struct is 568 bytes: 522 bytes of name, flag byte at 562, 5 pad \
         bytes.",
    ]),
    Message::new(
        Global,
        1001,
        "destroy_process",
        "DESTROYPROCESS",
        "Ends the host side of a process, and with it all that the process \
                     still owns.",
    )
    .cause(
        "Last close of /dev/dxg of the process, after its adapters/devices \
                     were torn down (also when a process exits).",
    )
    .header_process(HeaderProcess::Destroyed)
    .request(layout(24, &[]))
    .reply_status()
    .notes(&[
        "No body at all: the handle is in header.process.",
        "Implicitly destroys every host object still owned by the process \
         (the guest does not send DESTROYSYNCOBJECT for leftovers).",
    ]),
    Message::new(
        Global,
        1002,
        "open_sync_object",
        "OPENSYNCOBJECT",
        "Gives a process its own handle of a shared sync object.",
    )
    .cause(
        "Open of a shared sync object from an fd (0x40), from a sync file \
                     (0x47), or internally for a sync-file GPU wait (0x46).",
    )
    .request(layout(
        40,
        &[
            device_field(24),
            field(
                28,
                "global_sync_object",
                Handle(&[SyncObjectShare]),
                "Value returned earlier in CREATESYNCOBJECT.global_sync_object \
                     (NOT the CREATENTSHAREDOBJECT handle).",
            )
            .uses(),
            field(
                32,
                "engine_affinity",
                U32,
                "Copied from the user argument for monitored fences, else 0.",
            ),
            field(
                36,
                "flags",
                Flags32(&D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS),
                "0x40: user flags unchanged. 0x46/0x47: shared + \
                     nt_security_sharing + no_signal (0x13).",
            ),
        ],
    ))
    .reply(layout(
        24,
        &[
            field(0, "sync_object", Handle(&[SyncObject]), "The sync object.")
                .creates()
                .owned_by(&["device"])
                .may_outlive_owner(),
            status_field(4),
            field(
                8,
                "gpu_virtual_address",
                Address,
                "Fence GPU VA (monitored fences).",
            ),
            field(
                16,
                "guest_cpu_physical_address",
                Address,
                "Guest-physical address of the page holding the fence, inside the \
                     IO-space window; mapped (4 KiB) only for monitored fences, and not \
                     for 0x46.",
            ),
        ],
    ))
    .notes(
        &["0x46 pairs OPENSYNCOBJECT -> WAITFORSYNCOBJECTFROMGPU -> \
         DESTROYSYNCOBJECT for a temporary handle which is never put in the \
         guest handle table. If the wait is refused the temporary handle is \
         leaked on the host until process exit."],
    ),
    Message::new(
        Global,
        1003,
        "destroy_sync_object",
        "DESTROYSYNCOBJECT",
        "Destroys a sync object.",
    )
    .cause("0x1d; rollback of failed create/open; end of 0x46.")
    .request(
        layout(
            32,
            &[field(24, "sync_object", Handle(&[SyncObject]), "The sync object.").destroys()],
        )
        .gap(28, 4),
    )
    .reply_status()
    .notes(&[
        "Sync objects are created on the vGPU command set (id 8) but \
         destroyed through the global one (id 1003).",
    ]),
    Message::new(
        Global,
        1004,
        "create_nt_shared_object",
        "CREATENTSHAREDOBJECT",
        "Makes a resource or sync object shareable through a file \
                     descriptor.",
    )
    .cause(
        "First share of a resource or sync object to an fd (0x3f); first \
                     sync file of a shared fence (0x45). Later shares of the same \
                     object only bump a guest refcount.",
    )
    .request(
        layout(
            32,
            &[field(
                24,
                "object",
                Handle(&[Resource, SyncObject]),
                "The object to share.",
            )
            .uses()],
        )
        .gap(28, 4),
    )
    .reply(layout(
        4,
        &[field(
            0,
            "shared_handle",
            Handle(&[NtShare]),
            "The share; 0 means failure.",
        )
        .creates()],
    )),
    Message::new(
        Global,
        1005,
        "destroy_nt_shared_object",
        "DESTROYNTSHAREDOBJECT",
        "Ends the sharing after the last file descriptor is closed.",
    )
    .cause(
        "Guest refcount of the NT share reaches 0 (last fd closed / last \
                     sync file released).",
    )
    .header_process(HeaderProcess::Nobody)
    .request(
        layout(
            32,
            &[field(
                24,
                "shared_handle",
                Handle(&[NtShare]),
                "The share; 0 means failure.",
            )
            .destroys()],
        )
        .gap(28, 4),
    )
    .reply_status()
    .notes(&[
        "Header.process is 0: NT share handles are VM-wide, not per \
         process.",
    ]),
    Message::new(
        Global,
        1006,
        "signal_fence",
        "SIGNALFENCE",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Global,
        1007,
        "notify_process_freeze",
        "NOTIFYPROCESSFREEZE",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Global,
        1008,
        "notify_process_thaw",
        "NOTIFYPROCESSTHAW",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Global,
        1009,
        "query_etw_session",
        "QUERYETWSESSION",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Global,
        1010,
        "set_io_space_region",
        "SETIOSPACEREGION",
        "Tells the host where the guest put the window for fences and \
                     mapped memory.",
    )
    .cause("Driver start: first message on the global channel.")
    .header_process(HeaderProcess::Nobody)
    .impact(FailureImpact::Vital)
    .resets(ResetScope::Driver)
    .request(
        layout(
            48,
            &[
                field(
                    24,
                    "start",
                    Address,
                    "Guest-physical start of the MMIO window allocated by the guest.",
                ),
                field(
                    32,
                    "length",
                    U64,
                    "Bytes; from the channel offer mmio_megabytes.",
                ),
                field(
                    40,
                    "shared_page_gpadl",
                    U32,
                    "0 in every driver examined (until early 2022 it was a function \
                     argument; the callers seen passed 0).",
                )
                .always(0),
            ],
        )
        .gap(44, 4),
    )
    .reply_status()
    .notes(&[
        "Defines the window that all later guest-physical addresses in \
         responses must fall into.",
    ]),
    Message::new(
        Global,
        1011,
        "complete_transaction",
        "COMPLETETRANSACTION",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Global,
        1021,
        "share_object_with_host",
        "SHAREOBJECTWITHHOST",
        "Shares an object with a process on the host.",
    )
    .since(DriverEra::January2022)
    .request(layout(
        40,
        &[
            field(24, "device_handle", Handle(&[Device]), "The device.").uses(),
            field(
                28,
                "object_handle",
                Handle(&[Resource, SyncObject]),
                "The object.",
            )
            .uses(),
            field(32, "reserved", U64, "Always 0.").reserved(),
        ],
    ))
    .reply(layout(
        16,
        &[
            status_field(0),
            field(4, "alignment", U32, "Padding word."),
            field(
                8,
                "vail_nt_handle",
                U64,
                "Opaque 64-bit host handle returned to user mode.",
            ),
        ],
    ))
    .notes(&["Handles are forwarded without any guest-side validation."]),
    Message::new(
        Global,
        1022,
        "is_feature_enabled_global",
        "ISFEATUREENABLED_GLOBAL",
        "Asks for a feature without an adapter; an encoder exists, but \
                     nothing calls it.",
    )
    .cause(
        "Encoder exists, but the only caller always passes an adapter, so \
                     id 68 is used instead.",
    )
    .since(DriverEra::April2023)
    .request(
        layout(
            32,
            &[field(
                24,
                "feature_id",
                Enum(&DXGK_FEATURE_ID),
                "Which feature.",
            )],
        )
        .gap(28, 4),
    )
    .reply(
        layout(
            16,
            &[
                status_field(0),
                field(
                    4,
                    "descriptor.min_supported_version",
                    U16,
                    "Lowest supported version of the feature.",
                ),
                field(
                    6,
                    "descriptor.max_supported_version",
                    U16,
                    "Highest supported version of the feature.",
                ),
                field(
                    8,
                    "descriptor.flags",
                    Flags16(&DXGK_FEATURE_DESC_FLAGS),
                    "Options.",
                ),
                field(10, "result.version", U16, "Version in use."),
                field(
                    12,
                    "result.flags",
                    Flags16(&DXGK_ISFEATUREENABLED_RESULT_FLAGS),
                    "Options.",
                ),
            ],
        )
        .gap(14, 2),
    )
    .mode(ReplyMode::NeverSent),
];
