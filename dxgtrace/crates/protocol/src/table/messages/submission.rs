//! Command submission and presentation.

use crate::schema::*;
use crate::table::named::*;

/// The messages of the family, by number.
pub const MESSAGES: &[Message] = &[
    Message::new(
        Vgpu,
        20,
        "submit_command",
        "SUBMITCOMMAND",
        "Submits a command buffer to contexts.",
    )
    .request(
        layout(
            408,
            &fields([
                field(24, "command_buffer", Address, "GPU virtual address."),
                field(32, "command_length", U32, "Bytes."),
                field(36, "flags", Flags32(&D3DKMT_SUBMITCOMMANDFLAGS), "Options."),
                field(40, "present_history_token", U64, "Opaque."),
                field(48, "broadcast_context_count", U32, "1..64.").range(1, 64),
                field(52, "broadcast_context", Handle(&[Context]), "The contexts.")
                    .array(64)
                    .used_count("broadcast_context_count")
                    .uses()
                    .role(FieldRole::SubmissionQueue),
                field(308, "reserved", U32, "Unused.").reserved(),
                field(312, "priv_drv_data", Pointer, "User pointer, ignore.").output(),
                field(
                    320,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
                field(
                    324,
                    "num_primaries",
                    U32,
                    "NOT limited to 16 by the guest; clamp to 16 when reading \
                     written_primaries.",
                ),
                field(
                    328,
                    "written_primaries",
                    Handle(&[Allocation]),
                    "Primary allocations that the commands write.",
                )
                .array(16)
                .used_count("num_primaries")
                .mentions(),
                field(392, "num_history_buffers", U32, "0..1024.").range(0, 1024),
                field(396, "reserved1", U32, "Unused.").reserved(),
                field(
                    400,
                    "history_buffer_array",
                    Pointer,
                    "User pointer, ignore.",
                )
                .output(),
            ]),
        )
        .tails(
            408,
            &[
                tail(
                    "history_buffers",
                    Handle(&[Allocation]),
                    TailLength::Field("num_history_buffers"),
                    "History buffers of the submission.",
                )
                .mentions(),
                tail(
                    "priv_drv_data_bytes",
                    Byte,
                    TailLength::Field("priv_drv_data_size"),
                    "Private driver data.",
                ),
            ],
        )
        .copied(),
    )
    .reply_status()
    .mode(ReplyMode::Async),
    Message::new(
        Vgpu,
        31,
        "set_queued_limit",
        "SETQUEUEDLIMIT",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        34,
        "present_history_token",
        "PRESENTHISTORYTOKEN",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        35,
        "set_redirected_flip_fence_value",
        "SETREDIRECTEDFLIPFENCEVALUE",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        38,
        "blt",
        "BLT",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        40,
        "cdd_gdi_command",
        "CDDGDICOMMAND",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        47,
        "cdd_sync_gpu_access",
        "CDDSYNCGPUACCESS",
        "Named, but neither its layout nor a sender is public.",
    ),
    Message::new(
        Vgpu,
        52,
        "submit_command_to_hwqueue",
        "SUBMITCOMMANDTOHWQUEUE",
        "Submits a command buffer to a hardware queue.",
    )
    .request(
        layout(
            80,
            &[
                field(24, "hwqueue", Handle(&[HwQueue]), "The hardware queue.")
                    .uses()
                    .role(FieldRole::SubmissionQueue),
                field(28, "reserved", U32, "Unused.").reserved(),
                field(
                    32,
                    "hwqueue_progress_fence_id",
                    U64,
                    "Fence value that this submission will reach.",
                )
                .role(FieldRole::Progress),
                field(40, "command_buffer", Address, "GPU virtual address."),
                field(48, "command_length", U32, "Bytes of commands."),
                field(
                    52,
                    "priv_drv_data_size",
                    U32,
                    "Bytes of private driver data.",
                ),
                field(56, "priv_drv_data", Pointer, "User pointer, ignore.").output(),
                field(64, "num_primaries", U32, "How many primary allocations."),
                field(68, "reserved1", U32, "Unused.").reserved(),
                field(72, "written_primaries", Pointer, "User pointer, ignore.").output(),
            ],
        )
        .tails(
            80,
            &[
                tail(
                    "written_primaries_list",
                    Handle(&[Allocation]),
                    TailLength::Field("num_primaries"),
                    "Primary allocations that the commands write.",
                )
                .mentions(),
                tail(
                    "priv_drv_data_bytes",
                    Byte,
                    TailLength::Field("priv_drv_data_size"),
                    "Private driver data.",
                ),
            ],
        )
        .copied(),
    )
    .reply_status()
    .mode(ReplyMode::Async),
];
