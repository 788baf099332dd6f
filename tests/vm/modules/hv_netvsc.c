// SPDX-License-Identifier: GPL-2.0
/*
 * Another device of the bus: a network adapter that is always busy. None of
 * its packets may be in a capture.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "bus.h"

#define BURST 4
#define LONGEST 1408

static struct task_struct *thread;
static struct {
	struct play_packet packet;
	u8 payload[LONGEST];
} echoes[BURST];

static u64 received;
module_param(received, ullong, 0444);
static u64 transmitted;
module_param(transmitted, ullong, 0444);

static void receive(void *context)
{
	struct vmbus_channel *channel = context;
	struct vmpacket_descriptor *descriptor;

	foreach_vmbus_pkt(descriptor, channel)
		received++;
}

static int transmit(void *context)
{
	struct vmbus_channel *channel = context;
	struct play_plan plan = { .replies = echoes, .replies_length = sizeof(echoes) };
	u32 index;

	memset(echoes, 0xaa, sizeof(echoes));
	for (index = 0; index < BURST; index++)
		echoes[index].packet = (struct play_packet) {
			.relid = channel->offermsg.child_relid,
			.type = VM_PKT_DATA_INBAND,
			.length = LONGEST,
		};
	while (!kthread_should_stop()) {
		play_arm(&plan);
		play_before_send(channel);
		vmbus_sendpacket(channel, echoes[0].payload, LONGEST, transmitted++,
				 VM_PKT_DATA_INBAND, 0);
		play_after_send(channel, echoes[0].payload, LONGEST, transmitted,
				VM_PKT_DATA_INBAND, 0, 0);
		play_disarm(&plan);
		usleep_range(100, 300);
	}
	return 0;
}

static int probe(struct hv_device *hv, const struct hv_vmbus_device_id *id)
{
	int ret = vmbus_open(hv->channel, 0, 0, NULL, 0, receive, hv->channel);

	if (ret)
		return ret;
	thread = kthread_run(transmit, hv->channel, "netvsc");
	return PTR_ERR_OR_ZERO(thread);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
static void remove(struct hv_device *hv)
#else
static int remove(struct hv_device *hv)
#endif
{
	kthread_stop(thread);
	vmbus_close(hv->channel);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return 0;
#endif
}

static const struct hv_vmbus_device_id ids[] = {
	{ .guid = GUID_INIT(0xf8615163, 0xdf3e, 0x46c5, 0x91, 0x3f, 0xf2, 0xd2, 0xf9, 0x65, 0xed,
			    0x0e) },
	{},
};

static struct hv_driver driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
};

static int __init start(void)
{
	return vmbus_driver_register(&driver);
}

static void __exit stop(void)
{
	vmbus_driver_unregister(&driver);
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Busy network adapter for tests");
MODULE_LICENSE("GPL");
