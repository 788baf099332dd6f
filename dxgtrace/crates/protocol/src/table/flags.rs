//! Bit sets. Sources are the same as for the enumerations.

use crate::schema::values::{Flags, bit, bit_group};

/// `ALLOC_INFO_FLAGS`
pub const ALLOC_INFO_FLAGS: Flags = Flags {
    name: "ALLOC_INFO_FLAGS",
    bits: &[
        bit(0, "primary"),
        bit(1, "stereo"),
        bit(2, "override_priority"),
    ],
};

/// `D3DDDICB_DESTROYALLOCATION2FLAGS`
pub const D3DDDICB_DESTROYALLOCATION2FLAGS: Flags = Flags {
    name: "D3DDDICB_DESTROYALLOCATION2FLAGS",
    bits: &[
        bit(0, "assume_not_in_use"),
        bit(1, "synchronous_destroy"),
        bit(31, "system_use_only"),
    ],
};

/// `D3DDDICB_LOCK2FLAGS`
pub const D3DDDICB_LOCK2FLAGS: Flags = Flags {
    name: "D3DDDICB_LOCK2FLAGS",
    bits: &[],
};

/// `D3DDDICB_SIGNALFLAGS`
pub const D3DDDICB_SIGNALFLAGS: Flags = Flags {
    name: "D3DDDICB_SIGNALFLAGS",
    bits: &[
        bit(0, "signal_at_submission"),
        bit(1, "enqueue_cpu_event"),
        bit(2, "allow_fence_rewind"),
        bit(31, "internal0"),
    ],
};

/// `D3DDDIGPUVIRTUALADDRESS_PROTECTION_TYPE`
pub const D3DDDIGPUVIRTUALADDRESS_PROTECTION_TYPE: Flags = Flags {
    name: "D3DDDIGPUVIRTUALADDRESS_PROTECTION_TYPE",
    bits: &[
        bit(0, "write"),
        bit(1, "execute"),
        bit(2, "zero"),
        bit(3, "no_access"),
        bit(4, "system_use_only"),
    ],
};

/// `D3DDDI_CREATECONTEXTFLAGS`
pub const D3DDDI_CREATECONTEXTFLAGS: Flags = Flags {
    name: "D3DDDI_CREATECONTEXTFLAGS",
    bits: &[
        bit(0, "null_rendering"),
        bit(1, "initial_data"),
        bit(2, "disable_gpu_timeout"),
        bit(3, "synchronization_only"),
        bit(4, "hw_queue_supported"),
        bit(5, "no_kmd_access"),
    ],
};

/// `D3DDDI_CREATEHWQUEUEFLAGS`
pub const D3DDDI_CREATEHWQUEUEFLAGS: Flags = Flags {
    name: "D3DDDI_CREATEHWQUEUEFLAGS",
    bits: &[
        bit(0, "disable_gpu_timeout"),
        bit(1, "no_broadcast_signal"),
        bit(2, "no_broadcast_wait"),
        bit(3, "no_kmd_access"),
    ],
};

/// `D3DDDI_ESCAPEFLAGS`
pub const D3DDDI_ESCAPEFLAGS: Flags = Flags {
    name: "D3DDDI_ESCAPEFLAGS",
    bits: &[
        bit(0, "hardware_access"),
        bit(1, "device_status_query"),
        bit(2, "change_frame_latency"),
        bit(3, "no_adapter_synchronization"),
        bit(5, "virtual_machine_data"),
        bit(6, "driver_known_escape"),
        bit(7, "driver_common_escape"),
    ],
};

/// `D3DDDI_EVICT_FLAGS`
pub const D3DDDI_EVICT_FLAGS: Flags = Flags {
    name: "D3DDDI_EVICT_FLAGS",
    bits: &[bit(0, "evict_only_if_necessary"), bit(1, "not_written_to")],
};

/// `D3DDDI_MAKERESIDENT_FLAGS`
pub const D3DDDI_MAKERESIDENT_FLAGS: Flags = Flags {
    name: "D3DDDI_MAKERESIDENT_FLAGS",
    bits: &[bit(0, "cant_trim_further"), bit(1, "must_succeed")],
};

/// `D3DDDI_SEGMENTPREFERENCE`
pub const D3DDDI_SEGMENTPREFERENCE: Flags = Flags {
    name: "D3DDDI_SEGMENTPREFERENCE",
    bits: &[
        bit_group(0, 5, "segment_id0"),
        bit(5, "direction0"),
        bit_group(6, 5, "segment_id1"),
        bit(11, "direction1"),
        bit_group(12, 5, "segment_id2"),
        bit(17, "direction2"),
        bit_group(18, 5, "segment_id3"),
        bit(23, "direction3"),
        bit_group(24, 5, "segment_id4"),
        bit(29, "direction4"),
    ],
};

/// `D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS`
pub const D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS: Flags = Flags {
    name: "D3DDDI_SYNCHRONIZATIONOBJECT_FLAGS",
    bits: &[
        bit(0, "shared"),
        bit(1, "nt_security_sharing"),
        bit(2, "cross_adapter"),
        bit(3, "top_of_pipeline"),
        bit(4, "no_signal"),
        bit(5, "no_wait"),
        bit(6, "no_signal_max_value_on_tdr"),
        bit(7, "no_gpu_access"),
        bit(8, "signal_by_kmd"),
        bit(31, "reserved0"),
    ],
};

/// `D3DDDI_UPDATEALLOCPROPERTY_FLAGS`
pub const D3DDDI_UPDATEALLOCPROPERTY_FLAGS: Flags = Flags {
    name: "D3DDDI_UPDATEALLOCPROPERTY_FLAGS",
    bits: &[bit(0, "accessed_physically")],
};

/// `D3DDDI_UPDATEALLOCPROPERTY_MASK`
pub const D3DDDI_UPDATEALLOCPROPERTY_MASK: Flags = Flags {
    name: "D3DDDI_UPDATEALLOCPROPERTY_MASK",
    bits: &[
        bit(0, "set_accessed_physically"),
        bit(1, "set_supported_segment_set"),
        bit(2, "set_preferred_segment"),
    ],
};

/// `D3DDDI_UPDATEGPUVIRTUALADDRESS_FLAGS`
pub const D3DDDI_UPDATEGPUVIRTUALADDRESS_FLAGS: Flags = Flags {
    name: "D3DDDI_UPDATEGPUVIRTUALADDRESS_FLAGS",
    bits: &[bit(0, "do_not_wait")],
};

/// `D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS`
pub const D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS: Flags = Flags {
    name: "D3DDDI_WAITFORSYNCHRONIZATIONOBJECTFROMCPU_FLAGS",
    bits: &[bit(0, "wait_any")],
};

/// `D3DKMT_ADAPTERTYPE`
pub const D3DKMT_ADAPTERTYPE: Flags = Flags {
    name: "D3DKMT_ADAPTERTYPE",
    bits: &[
        bit(0, "render_supported"),
        bit(1, "display_supported"),
        bit(2, "software_device"),
        bit(3, "post_device"),
        bit(4, "hybrid_discrete"),
        bit(5, "hybrid_integrated"),
        bit(6, "indirect_display_device"),
        bit(7, "paravirtualized"),
        bit(8, "acg_supported"),
        bit(9, "support_set_timings_from_vidpn"),
        bit(10, "detachable"),
        bit(11, "compute_only"),
        bit(12, "prototype"),
        bit(13, "runtime_power_management"),
    ],
};

/// `D3DKMT_CREATEALLOCATIONFLAGS`
pub const D3DKMT_CREATEALLOCATIONFLAGS: Flags = Flags {
    name: "D3DKMT_CREATEALLOCATIONFLAGS",
    bits: &[
        bit(0, "create_resource"),
        bit(1, "create_shared"),
        bit(2, "non_secure"),
        bit(3, "create_protected"),
        bit(4, "restrict_shared_access"),
        bit(5, "existing_sysmem"),
        bit(6, "nt_security_sharing"),
        bit(7, "read_only"),
        bit(8, "create_write_combined"),
        bit(9, "create_cached"),
        bit(10, "swap_chain_back_buffer"),
        bit(11, "cross_adapter"),
        bit(12, "open_cross_adapter"),
        bit(13, "partial_shared_creation"),
        bit(14, "zeroed"),
        bit(15, "write_watch"),
        bit(16, "standard_allocation"),
        bit(17, "existing_section"),
        bit(18, "allow_not_zeroed"),
        bit(19, "physically_contiguous"),
        bit(20, "no_kmd_access"),
        bit(21, "shared_displayable"),
    ],
};

/// `D3DKMT_CREATEDEVICEFLAGS`
pub const D3DKMT_CREATEDEVICEFLAGS: Flags = Flags {
    name: "D3DKMT_CREATEDEVICEFLAGS",
    bits: &[
        bit(0, "legacy_mode"),
        bit(1, "request_vsync"),
        bit(2, "disable_gpu_timeout"),
        bit(3, "gdi_device"),
    ],
};

/// `D3DKMT_CREATESTANDARDALLOCATIONFLAGS`
pub const D3DKMT_CREATESTANDARDALLOCATIONFLAGS: Flags = Flags {
    name: "D3DKMT_CREATESTANDARDALLOCATIONFLAGS",
    bits: &[],
};

/// `D3DKMT_DEVICERESET_STATE`
pub const D3DKMT_DEVICERESET_STATE: Flags = Flags {
    name: "D3DKMT_DEVICERESET_STATE",
    bits: &[bit(0, "desktop_switched")],
};

/// `D3DKMT_OFFER_FLAGS`
pub const D3DKMT_OFFER_FLAGS: Flags = Flags {
    name: "D3DKMT_OFFER_FLAGS",
    bits: &[bit(0, "offer_immediately"), bit(1, "allow_decommit")],
};

/// `D3DKMT_SUBMITCOMMANDFLAGS`
pub const D3DKMT_SUBMITCOMMANDFLAGS: Flags = Flags {
    name: "D3DKMT_SUBMITCOMMANDFLAGS",
    bits: &[
        bit(0, "null_rendering"),
        bit(1, "present_redirected"),
        bit(2, "no_kmd_access"),
    ],
};

/// `DXGKVMB_ALLOCFLAGS`
pub const DXGKVMB_ALLOCFLAGS: Flags = Flags {
    name: "DXGKVMB_ALLOCFLAGS",
    bits: &[
        bit(0, "primary"),
        bit(1, "cdd_primary"),
        bit(2, "dod_primary"),
        bit(3, "overlay"),
        bit(4, "reserved6"),
        bit(5, "capture"),
        bit(10, "reserved1"),
        bit(11, "existing_sysmem"),
        bit(12, "stereo"),
        bit(13, "direct_flip"),
        bit(14, "hardware_protected"),
        bit(15, "reserved2"),
        bit(16, "reserved3"),
        bit(17, "reserved4"),
        bit(18, "protected"),
        bit(19, "cached"),
        bit(20, "independent_primary"),
    ],
};

/// `DXGK_DEVICE_TYPES`
pub const DXGK_DEVICE_TYPES: Flags = Flags {
    name: "DXGK_DEVICE_TYPES",
    bits: &[
        bit(0, "post_device"),
        bit(1, "post_device_certain"),
        bit(2, "software_device"),
        bit(3, "soft_gpu_device"),
        bit(4, "warp_device"),
        bit(5, "bdd_device"),
        bit(6, "support_miracast"),
        bit(7, "mismatched_lda"),
        bit(8, "indirect_display_device"),
        bit(9, "xbox_one_device"),
        bit(10, "child_id_support_dwm_clone"),
        bit(11, "child_id_support_dwm_clone2"),
        bit(12, "has_internal_panel"),
        bit(13, "rfx_vgpu_device"),
        bit(14, "virtual_render_device"),
        bit(15, "support_preserve_boot_display"),
        bit(16, "is_uefi_frame_buffer"),
        bit(17, "removable_device"),
        bit(18, "virtual_monitor_device"),
    ],
};

/// `DXGK_FAULT_ERROR_CODE`
pub const DXGK_FAULT_ERROR_CODE: Flags = Flags {
    name: "DXGK_FAULT_ERROR_CODE",
    bits: &[
        bit(0, "is_device_specific_code"),
        bit_group(1, 31, "error_code"),
    ],
};

/// `DXGK_FEATURE_DESC_FLAGS`
pub const DXGK_FEATURE_DESC_FLAGS: Flags = Flags {
    name: "DXGK_FEATURE_DESC_FLAGS",
    bits: &[
        bit(0, "supported"),
        bit_group(1, 3, "virtualization_mode"),
        bit(4, "global"),
        bit(5, "driver_feature"),
        bit(6, "internal"),
    ],
};

/// `DXGK_GPUCLOCKDATA_FLAGS`
pub const DXGK_GPUCLOCKDATA_FLAGS: Flags = Flags {
    name: "DXGK_GPUCLOCKDATA_FLAGS",
    bits: &[bit(0, "context_management_processor")],
};

/// `DXGK_ISFEATUREENABLED_RESULT_FLAGS`
pub const DXGK_ISFEATUREENABLED_RESULT_FLAGS: Flags = Flags {
    name: "DXGK_ISFEATUREENABLED_RESULT_FLAGS",
    bits: &[
        bit(0, "enabled"),
        bit(1, "known_feature"),
        bit(2, "supported_by_driver"),
        bit(3, "supported_on_config"),
    ],
};

/// `DXGK_PAGE_FAULT_FLAGS`
pub const DXGK_PAGE_FAULT_FLAGS: Flags = Flags {
    name: "DXGK_PAGE_FAULT_FLAGS",
    bits: &[
        bit(0, "write"),
        bit(1, "fence_invalid"),
        bit(2, "adapter_reset_required"),
        bit(3, "engine_reset_required"),
        bit(4, "fatal_hardware_error"),
        bit(5, "iommu"),
        bit(6, "hw_context_valid"),
        bit(7, "process_handle_valid"),
    ],
};

/// `GUEST_CAPS`
pub const GUEST_CAPS: Flags = Flags {
    name: "GUEST_CAPS",
    bits: &[bit(0, "wsl2")],
};

/// `HOST_CAPS`
pub const HOST_CAPS: Flags = Flags {
    name: "HOST_CAPS",
    bits: &[bit(0, "map_guest_memory")],
};
