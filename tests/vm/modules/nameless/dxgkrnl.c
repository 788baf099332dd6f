// SPDX-License-Identifier: GPL-2.0
/* The driver without the names that dxgtrace looks for. */
#define dxgvmb_send_sync_msg play_sync
#define dxgvmb_send_async_msg play_async
#define dxgvmbuschannel_receive play_receive
#define dxgk_unlocked_ioctl play_ioctl
#include "../dxgkrnl.c"
