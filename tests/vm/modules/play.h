/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the modules and the player in user space say to each other; the player's
 * half is tests/vm/device.rs.
 */
#ifndef PLAY_H
#define PLAY_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* An offer of the host: /dev/vmbus-host makes a channel of it. */
struct play_offer {
	__u32 relid;
	__u32 reserved;
	__u8 type[16];
	__u8 instance[16];
};

/* A packet that the host puts into a channel's ring. The payload follows; it
 * is a multiple of 8 bytes long. */
struct play_packet {
	__u32 relid;
	__u16 type;
	__u16 flags;
	__u64 transaction;
	__u32 length;
	__u32 reserved;
};

/* Packets of the host, one behind the other. */
struct play_packets {
	__u64 packets;
	__u32 length;
	__u32 reserved;
};

/* An offer that the host takes back: the device goes. */
struct play_rescind {
	__u32 relid;
	__u32 reserved;
};

#define PLAY_RESCIND _IOW('H', 4, struct play_rescind)
#define PLAY_OFFER _IOW('H', 1, struct play_offer)
/* Puts packets into the rings and waits until the driver has taken them. */
#define PLAY_HOST _IOW('H', 2, struct play_packets)
/* Waits until so many packets have been sent. */
#define PLAY_SENT _IOW('H', 3, __u64)

/* How the driver sends. */
#define PLAY_SYNC 0
#define PLAY_ASYNC 1
/* Without the driver's functions. */
#define PLAY_RAW 2
/* Synchronous, but the wait for the reply is given up at once. */
#define PLAY_NO_WAIT 3
/* In a thread of the kernel. */
#define PLAY_IN_WORKER 0x100

/* The argument of any ioctl of /dev/dxg whose type is 'G'. */
struct play_call {
	__u64 payload;
	__u32 length;
	__u32 relid;
	__u64 transaction;
	__u32 mode;
	__u16 type;
	__u16 flags;
	/* So many attempts fail with -EAGAIN before the one that returns value. */
	__u32 refusals;
	__s32 value;
	/* What the host does about it, as struct play_packets. */
	__u64 replies;
	__u32 replies_length;
	/* Length of the reply that the driver expects. */
	__u32 expected;
	/* What the ioctl returns. */
	__s32 result;
	/* Filled in: an error of the play itself, or 0. */
	__s32 failure;
};

#define PLAYED_SEND 1
#define PLAYED_RECEIVE 2

/* What /dev/vmbus-host reads as: everything that was played, in order. The
 * payload follows, padded to 8 bytes. */
struct played {
	__u32 size;
	__u16 kind;
	__u16 type;
	__u64 transaction;
	__u32 relid;
	__u32 length;
	__u32 pid;
	__u32 tid;
	__u8 comm[16];
	__u16 flags;
	__u16 reserved;
	__s32 value;
	__u32 refusals;
	__u32 expected;
	__u32 ioctl;
	__s32 result;
};

#endif
