/* SPDX-License-Identifier: GPL-2.0 */
/* What our hv_vmbus has beside the functions of <linux/hyperv.h>, or where the
 * kernel has the VMBus built in, instead of some of them. */
#ifndef BUS_H
#define BUS_H

#include <linux/hyperv.h>
#include <linux/version.h>

#include "play.h"

#if IS_BUILTIN(CONFIG_HYPERV_VMBUS) || IS_BUILTIN(CONFIG_HYPERV)
/* The kernel's own functions send and receive, on rings that are ours. */
#define REAL_RING 1
/* The bus itself is asleep without Hyper-V: these have ours instead. */
#define vmbus_open play_open
#define vmbus_close play_close
#define vmbus_onoffer play_onoffer
#define vmbus_onoffer_rescind play_onoffer_rescind
#define __vmbus_driver_register play_driver_register
#define vmbus_driver_unregister play_driver_unregister
int vmbus_open(struct vmbus_channel *channel, u32 send_bytes, u32 receive_bytes, void *data,
	       u32 data_length, void (*callback)(void *context), void *context);
void vmbus_close(struct vmbus_channel *channel);
int __vmbus_driver_register(struct hv_driver *driver, struct module *owner, const char *name);
void vmbus_driver_unregister(struct hv_driver *driver);
#else
#define REAL_RING 0
#endif

/* What the host will do about the next packets that a thread sends. */
struct play_plan {
	struct list_head list;
	struct task_struct *task;
	u32 refusals_left;
	u32 refusals;
	s32 value;
	u32 expected;
	u32 ioctl;
	s32 result;
	const void *replies;
	u32 replies_length;
};

/* The plan must last until the thread has sent or taken it back. */
void play_arm(struct play_plan *plan);
void play_disarm(struct play_plan *plan);
/* Around each call of vmbus_sendpacket: the host's half of it. */
void play_before_send(struct vmbus_channel *channel);
void play_after_send(struct vmbus_channel *channel, const void *buffer, u32 length,
		     u64 transaction, u32 type, u32 flags, int ret);
/* Puts packets into the rings; 0, or -EINVAL or -ENOSPC. */
int play_host(const void *packets, u32 length);

#endif
