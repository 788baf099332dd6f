/* SPDX-License-Identifier: GPL-2.0 */
/* What our hv_vmbus has beside the functions of <linux/hyperv.h>. */
#ifndef BUS_H
#define BUS_H

#include <linux/hyperv.h>
#include <linux/version.h>

#include "play.h"

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
/* Puts packets into the rings; 0, or -EINVAL or -ENOSPC. */
int play_host(const void *packets, u32 length);

#endif
