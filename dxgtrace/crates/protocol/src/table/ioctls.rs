//! The ioctls of the driver, and the messages that each can send.

/// An ioctl of `/dev/dxg`, of type 0x47, read and write.
#[derive(Debug)]
pub struct Ioctl {
    /// Number within the ioctl type.
    pub number: u8,
    /// Size of its argument in bytes.
    pub size: u16,
    /// The function of the user-mode library that issues it.
    pub function: &'static str,
    /// Names of the messages that it can send, in order.
    pub messages: &'static [&'static str],
}

impl Ioctl {
    /// The request number, as passed to `ioctl(2)`.
    pub const fn request(&self) -> u32 {
        0xC000_4700 | (self.size as u32) << 16 | self.number as u32
    }
}

/// The ioctl with the request number `request`. The size in the request number is ignored,
/// so that other sizes of the argument are recognised.
pub fn by_request(request: u32) -> Option<&'static Ioctl> {
    if request >> 8 & 0xFF != 0x47 {
        return None;
    }
    by_number(request as u8)
}

/// The ioctl with `number` within the ioctl type.
pub fn by_number(number: u8) -> Option<&'static Ioctl> {
    IOCTLS.iter().find(|ioctl| ioctl.number == number)
}

/// All ioctls of the reference driver, by number.
pub static IOCTLS: &[Ioctl] = &[
    Ioctl {
        number: 0x01,
        size: 12,
        function: "D3DKMTOpenAdapterFromLuid",
        messages: &[],
    },
    Ioctl {
        number: 0x02,
        size: 64,
        function: "D3DKMTCreateDevice",
        messages: &["create_device"],
    },
    Ioctl {
        number: 0x04,
        size: 40,
        function: "D3DKMTCreateContextVirtual",
        messages: &["create_context_virtual"],
    },
    Ioctl {
        number: 0x05,
        size: 4,
        function: "D3DKMTDestroyContext",
        messages: &["destroy_context"],
    },
    Ioctl {
        number: 0x06,
        size: 72,
        function: "D3DKMTCreateAllocation2",
        messages: &[
            "ddi_get_standard_allocation_driver_data",
            "create_allocation",
            "set_existing_sysmem_store",
            "set_existing_sysmem_pages",
            "destroy_allocation",
        ],
    },
    Ioctl {
        number: 0x07,
        size: 32,
        function: "D3DKMTCreatePagingQueue",
        messages: &["create_paging_queue"],
    },
    Ioctl {
        number: 0x08,
        size: 72,
        function: "D3DKMTReserveGpuVirtualAddress",
        messages: &["reserve_gpu_virtual_address"],
    },
    Ioctl {
        number: 0x09,
        size: 24,
        function: "D3DKMTQueryAdapterInfo",
        messages: &["query_adapter_info"],
    },
    Ioctl {
        number: 0x0a,
        size: 56,
        function: "D3DKMTQueryVideoMemoryInfo",
        messages: &["query_video_memory_info"],
    },
    Ioctl {
        number: 0x0b,
        size: 48,
        function: "D3DKMTMakeResident",
        messages: &["make_resident"],
    },
    Ioctl {
        number: 0x0c,
        size: 104,
        function: "D3DKMTMapGpuVirtualAddress",
        messages: &["map_gpu_virtual_address"],
    },
    Ioctl {
        number: 0x0d,
        size: 32,
        function: "D3DKMTEscape",
        messages: &["escape"],
    },
    Ioctl {
        number: 0x0e,
        size: 56,
        function: "D3DKMTGetDeviceState",
        messages: &["get_device_state"],
    },
    Ioctl {
        number: 0x0f,
        size: 384,
        function: "D3DKMTSubmitCommand",
        messages: &["submit_command"],
    },
    Ioctl {
        number: 0x10,
        size: 96,
        function: "D3DKMTCreateSynchronizationObject2",
        messages: &["create_sync_object"],
    },
    Ioctl {
        number: 0x11,
        size: 464,
        function: "D3DKMTSignalSynchronizationObject2",
        messages: &["signal_sync_object"],
    },
    Ioctl {
        number: 0x12,
        size: 200,
        function: "D3DKMTWaitForSynchronizationObject2",
        messages: &["wait_for_sync_object_from_gpu"],
    },
    Ioctl {
        number: 0x13,
        size: 24,
        function: "D3DKMTDestroyAllocation2",
        messages: &["destroy_allocation"],
    },
    Ioctl {
        number: 0x14,
        size: 16,
        function: "D3DKMTEnumAdapters2",
        messages: &[],
    },
    Ioctl {
        number: 0x15,
        size: 4,
        function: "D3DKMTCloseAdapter",
        messages: &["flush_device", "destroy_allocation", "destroy_device"],
    },
    Ioctl {
        number: 0x16,
        size: 32,
        function: "D3DKMTChangeVideoMemoryReservation",
        messages: &["change_video_memory_reservation"],
    },
    Ioctl {
        number: 0x18,
        size: 48,
        function: "D3DKMTCreateHwQueue",
        messages: &["create_hwqueue"],
    },
    Ioctl {
        number: 0x19,
        size: 4,
        function: "D3DKMTDestroyDevice",
        messages: &["destroy_allocation", "destroy_device"],
    },
    Ioctl {
        number: 0x1b,
        size: 4,
        function: "D3DKMTDestroyHwQueue",
        messages: &["destroy_hwqueue"],
    },
    Ioctl {
        number: 0x1c,
        size: 4,
        function: "D3DKMTDestroyPagingQueue",
        messages: &["destroy_paging_queue"],
    },
    Ioctl {
        number: 0x1d,
        size: 4,
        function: "D3DKMTDestroySynchronizationObject",
        messages: &["destroy_sync_object"],
    },
    Ioctl {
        number: 0x1e,
        size: 32,
        function: "D3DKMTEvict",
        messages: &["evict"],
    },
    Ioctl {
        number: 0x1f,
        size: 4,
        function: "D3DKMTFlushHeapTransitions",
        messages: &["flush_heap_transitions"],
    },
    Ioctl {
        number: 0x20,
        size: 24,
        function: "D3DKMTFreeGpuVirtualAddress",
        messages: &["free_gpu_virtual_address"],
    },
    Ioctl {
        number: 0x21,
        size: 8,
        function: "D3DKMTGetContextInProcessSchedulingPriority",
        messages: &["get_context_scheduling_priority"],
    },
    Ioctl {
        number: 0x22,
        size: 8,
        function: "D3DKMTGetContextSchedulingPriority",
        messages: &["get_context_scheduling_priority"],
    },
    Ioctl {
        number: 0x24,
        size: 24,
        function: "D3DKMTInvalidateCache",
        messages: &["invalidate_cache"],
    },
    Ioctl {
        number: 0x25,
        size: 24,
        function: "D3DKMTLock2",
        messages: &["lock2"],
    },
    Ioctl {
        number: 0x26,
        size: 8,
        function: "D3DKMTMarkDeviceAsError",
        messages: &["mark_device_as_error"],
    },
    Ioctl {
        number: 0x27,
        size: 40,
        function: "D3DKMTOfferAllocations",
        messages: &["offer_allocations"],
    },
    Ioctl {
        number: 0x2a,
        size: 32,
        function: "D3DKMTQueryAllocationResidency",
        messages: &["query_allocation_residency"],
    },
    Ioctl {
        number: 0x2c,
        size: 40,
        function: "D3DKMTReclaimAllocations2",
        messages: &["reclaim_allocations"],
    },
    Ioctl {
        number: 0x2e,
        size: 32,
        function: "D3DKMTSetAllocationPriority",
        messages: &["set_allocation_priority"],
    },
    Ioctl {
        number: 0x2f,
        size: 8,
        function: "D3DKMTSetContextInProcessSchedulingPriority",
        messages: &["set_context_scheduling_priority"],
    },
    Ioctl {
        number: 0x30,
        size: 8,
        function: "D3DKMTSetContextSchedulingPriority",
        messages: &["set_context_scheduling_priority"],
    },
    Ioctl {
        number: 0x31,
        size: 32,
        function: "D3DKMTSignalSynchronizationObjectFromCpu",
        messages: &["signal_sync_object"],
    },
    Ioctl {
        number: 0x32,
        size: 80,
        function: "D3DKMTSignalSynchronizationObjectFromGpu",
        messages: &["signal_sync_object"],
    },
    Ioctl {
        number: 0x33,
        size: 96,
        function: "D3DKMTSignalSynchronizationObjectFromGpu2",
        messages: &["signal_sync_object"],
    },
    Ioctl {
        number: 0x34,
        size: 56,
        function: "D3DKMTSubmitCommandToHwQueue",
        messages: &["submit_command_to_hwqueue"],
    },
    Ioctl {
        number: 0x35,
        size: 40,
        function: "D3DKMTSubmitSignalSyncObjectsToHwQueue",
        messages: &["signal_sync_object"],
    },
    Ioctl {
        number: 0x36,
        size: 24,
        function: "D3DKMTSubmitWaitForSyncObjectsToHwQueue",
        messages: &["wait_for_sync_object_from_gpu"],
    },
    Ioctl {
        number: 0x37,
        size: 8,
        function: "D3DKMTUnlock2",
        messages: &["unlock2"],
    },
    Ioctl {
        number: 0x38,
        size: 40,
        function: "D3DKMTUpdateAllocationProperty",
        messages: &["update_allocation_property"],
    },
    Ioctl {
        number: 0x39,
        size: 56,
        function: "D3DKMTUpdateGpuVirtualAddress",
        messages: &["update_gpu_virtual_address"],
    },
    Ioctl {
        number: 0x3a,
        size: 40,
        function: "D3DKMTWaitForSynchronizationObjectFromCpu",
        messages: &["wait_for_sync_object_from_cpu"],
    },
    Ioctl {
        number: 0x3b,
        size: 80,
        function: "D3DKMTWaitForSynchronizationObjectFromGpu",
        messages: &["wait_for_sync_object_from_gpu"],
    },
    Ioctl {
        number: 0x3c,
        size: 32,
        function: "D3DKMTGetAllocationPriority",
        messages: &["get_allocation_priority"],
    },
    Ioctl {
        number: 0x3d,
        size: 40,
        function: "D3DKMTQueryClockCalibration",
        messages: &["query_clock_calibration"],
    },
    Ioctl {
        number: 0x3e,
        size: 24,
        function: "D3DKMTEnumAdapters3",
        messages: &[],
    },
    Ioctl {
        number: 0x3f,
        size: 40,
        function: "D3DKMTShareObjects",
        messages: &["create_nt_shared_object"],
    },
    Ioctl {
        number: 0x40,
        size: 88,
        function: "D3DKMTOpenSyncObjectFromNtHandle2",
        messages: &["open_sync_object"],
    },
    Ioctl {
        number: 0x41,
        size: 40,
        function: "D3DKMTQueryResourceInfoFromNtHandle",
        messages: &[],
    },
    Ioctl {
        number: 0x42,
        size: 104,
        function: "D3DKMTOpenResourceFromNtHandle",
        messages: &["open_resource"],
    },
    Ioctl {
        number: 0x43,
        size: 808,
        function: "D3DKMTQueryStatistics",
        messages: &["query_statistics"],
    },
    Ioctl {
        number: 0x44,
        size: 24,
        function: "D3DKMTShareObjectWithHost",
        messages: &["share_object_with_host"],
    },
    Ioctl {
        number: 0x45,
        size: 24,
        function: "D3DKMTCreateSyncFile",
        messages: &["create_nt_shared_object", "wait_for_sync_object_from_cpu"],
    },
    Ioctl {
        number: 0x46,
        size: 16,
        function: "D3DKMTWaitSyncFile",
        messages: &[
            "open_sync_object",
            "wait_for_sync_object_from_gpu",
            "destroy_sync_object",
        ],
    },
    Ioctl {
        number: 0x47,
        size: 40,
        function: "D3DKMTOpenSyncObjectFromSyncFile",
        messages: &["open_sync_object"],
    },
    Ioctl {
        number: 0x48,
        size: 24,
        function: "D3DKMTEnumProcesses",
        messages: &[],
    },
    Ioctl {
        number: 0x49,
        size: 12,
        function: "D3DKMTIsFeatureEnabled",
        messages: &["is_feature_enabled"],
    },
];
