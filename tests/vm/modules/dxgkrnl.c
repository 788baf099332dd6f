// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that takes the name of the GPU driver, has functions of the same
 * names and arguments where dxgtrace hooks them, and sends what user space
 * tells it to.
 *
 * Written for the tests of dxgtrace without the real driver's source.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "bus.h"

#define LONGEST (512 * 1024)
#define WAIT (30 * HZ)

/* What the driver keeps of a channel: the first three members are where the
 * real driver has them. */
struct dxgvmbuschannel {
	struct vmbus_channel *channel;
	struct hv_device *device;
	/* NULL: the global channel. */
	void *adapter;
	spinlock_t lock;
	struct list_head waiting;
	struct list_head list;
};

struct request {
	struct list_head list;
	u64 transaction;
	struct completion answered;
	void *result;
	u32 result_bytes;
	int status;
};

/* A call while it is carried out. */
struct play {
	struct work_struct work;
	struct play_call call;
	struct play_plan plan;
	struct dxgvmbuschannel *channel;
	void *payload;
	void *replies;
	void *result;
	int ret;
};

/* Transaction id and more of the send that this thread is about to make: the
 * functions below have the real ones' arguments, so it cannot be one. */
struct sending {
	struct list_head list;
	struct task_struct *task;
	const struct play *play;
};

int dxgvmb_send_sync_msg(struct dxgvmbuschannel *channel, void *command, u32 command_bytes,
			 void *result, u32 result_bytes);
int dxgvmb_send_async_msg(struct dxgvmbuschannel *channel, void *command, u32 command_bytes);
void dxgvmbuschannel_receive(void *context);
long dxgk_unlocked_ioctl(struct file *file, unsigned int request, unsigned long argument);

static LIST_HEAD(channels);
static DEFINE_MUTEX(channels_lock);
static LIST_HEAD(sendings);
static DEFINE_SPINLOCK(sendings_lock);

static const struct play *play_of_this_thread(void)
{
	const struct play *play = NULL;
	struct sending *sending;

	spin_lock(&sendings_lock);
	list_for_each_entry(sending, &sendings, list)
		if (sending->task == current)
			play = sending->play;
	spin_unlock(&sendings_lock);
	return play;
}

/* Sends, and again where the ring is full. */
static int send(struct dxgvmbuschannel *channel, void *command, u32 bytes, u64 transaction,
		u32 type, u32 flags, u32 refusals)
{
	int ret;

	do {
		play_before_send(channel->channel);
		ret = vmbus_sendpacket(channel->channel, command, bytes, transaction, type, flags);
		play_after_send(channel->channel, command, bytes, transaction, type, flags, ret);
	} while (ret == -EAGAIN && refusals--);
	return ret;
}

noinline int dxgvmb_send_async_msg(struct dxgvmbuschannel *channel, void *command,
				   u32 command_bytes)
{
	const struct play_call *call = &play_of_this_thread()->call;

	return send(channel, command, command_bytes, call->transaction, VM_PKT_DATA_INBAND,
		    call->flags, call->refusals);
}

noinline int dxgvmb_send_sync_msg(struct dxgvmbuschannel *channel, void *command,
				  u32 command_bytes, void *result, u32 result_bytes)
{
	const struct play_call *call = &play_of_this_thread()->call;
	struct request request = {
		.transaction = call->transaction,
		.result = result,
		.result_bytes = result_bytes,
	};
	int ret;

	init_completion(&request.answered);
	spin_lock_bh(&channel->lock);
	list_add_tail(&request.list, &channel->waiting);
	spin_unlock_bh(&channel->lock);
	ret = send(channel, command, command_bytes, request.transaction, VM_PKT_DATA_INBAND,
		   call->flags, call->refusals);
	if (!ret && (call->mode & 0xff) == PLAY_SYNC &&
	    !wait_for_completion_timeout(&request.answered, WAIT))
		ret = -ETIME;
	/* Nobody who waited goes on without a reply: this caller was killed. */
	if (!ret && (call->mode & 0xff) == PLAY_NO_WAIT)
		ret = -EINTR;
	spin_lock_bh(&channel->lock);
	list_del(&request.list);
	spin_unlock_bh(&channel->lock);
	return ret ?: request.status;
}

static void complete_request(struct dxgvmbuschannel *channel,
			     struct vmpacket_descriptor *descriptor)
{
	struct request *request;
	u32 length = hv_pkt_datalen(descriptor);

	spin_lock(&channel->lock);
	list_for_each_entry(request, &channel->waiting, list) {
		if (request->transaction != descriptor->trans_id)
			continue;
		if (length < request->result_bytes)
			request->status = -EOVERFLOW;
		else
			memcpy(request->result, hv_pkt_data(descriptor), request->result_bytes);
		complete(&request->answered);
		break;
	}
	spin_unlock(&channel->lock);
}

/* Runs in the softirq, for all packets that are there. */
noinline void dxgvmbuschannel_receive(void *context)
{
	struct dxgvmbuschannel *channel = context;
	struct vmpacket_descriptor *descriptor;

	foreach_vmbus_pkt(descriptor, channel->channel)
		if (descriptor->type == VM_PKT_COMP)
			complete_request(channel, descriptor);
}

static void perform(struct play *play)
{
	const struct play_call *call = &play->call;
	struct sending sending = { .task = current, .play = play };

	spin_lock(&sendings_lock);
	list_add(&sending.list, &sendings);
	spin_unlock(&sendings_lock);
	play_arm(&play->plan);
	switch (call->mode & 0xff) {
	case PLAY_ASYNC:
		play->ret = dxgvmb_send_async_msg(play->channel, play->payload, call->length);
		break;
	case PLAY_RAW:
		play->ret = send(play->channel, play->payload, call->length, call->transaction,
				 call->type, call->flags, call->refusals);
		break;
	default:
		play->ret = dxgvmb_send_sync_msg(play->channel, play->payload, call->length,
						 play->result, call->expected);
	}
	play_disarm(&play->plan);
	spin_lock(&sendings_lock);
	list_del(&sending.list);
	spin_unlock(&sendings_lock);
}

static void perform_in_worker(struct work_struct *work)
{
	perform(container_of(work, struct play, work));
}

static struct dxgvmbuschannel *find(u32 relid)
{
	struct dxgvmbuschannel *channel, *found = NULL;

	mutex_lock(&channels_lock);
	list_for_each_entry(channel, &channels, list)
		if (channel->channel->offermsg.child_relid == relid)
			found = channel;
	mutex_unlock(&channels_lock);
	return found;
}

static void *copy_in(u64 from, u32 length)
{
	void *copy = kvmalloc(length + 1, GFP_KERNEL);

	if (copy && copy_from_user(copy, u64_to_user_ptr(from), length)) {
		kvfree(copy);
		copy = NULL;
	}
	return copy;
}

static int prepare_and_perform(struct play *play, unsigned int request)
{
	const struct play_call *call = &play->call;

	if (call->length > LONGEST || call->replies_length > LONGEST || call->expected > LONGEST)
		return -EINVAL;
	play->channel = find(call->relid);
	if (!play->channel)
		return -ENXIO;
	play->payload = copy_in(call->payload, call->length);
	play->replies = copy_in(call->replies, call->replies_length);
	play->result = kvzalloc(call->expected + 1, GFP_KERNEL);
	if (!play->payload || !play->replies || !play->result)
		return -EFAULT;
	play->plan.refusals = play->plan.refusals_left = call->refusals;
	play->plan.value = call->value;
	play->plan.replies = play->replies;
	play->plan.replies_length = call->replies_length;
	if ((call->mode & 0xff) == PLAY_SYNC || (call->mode & 0xff) == PLAY_NO_WAIT)
		play->plan.expected = call->expected;
	if (call->mode & PLAY_IN_WORKER) {
		INIT_WORK_ONSTACK(&play->work, perform_in_worker);
		queue_work(system_unbound_wq, &play->work);
		flush_work(&play->work);
		destroy_work_on_stack(&play->work);
	} else {
		play->plan.ioctl = request;
		play->plan.result = call->result;
		perform(play);
	}
	/* A timeout is none of the plan's. */
	return play->ret == -ETIME ? -ETIME : 0;
}

noinline long dxgk_unlocked_ioctl(struct file *file, unsigned int request,
				  unsigned long argument)
{
	struct play_call __user *from = (void __user *)argument;
	struct play play = {};
	int failure;

	if (_IOC_TYPE(request) != 'G')
		return -ENOTTY;
	if (copy_from_user(&play.call, from, sizeof(play.call)))
		return -EFAULT;
	failure = prepare_and_perform(&play, request);
	kvfree(play.payload);
	kvfree(play.replies);
	kvfree(play.result);
	if (put_user(failure, &from->failure))
		return -EFAULT;
	return play.call.result;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dxgk_unlocked_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dxg",
	.fops = &operations,
};

static int probe(struct hv_device *hv, const struct hv_vmbus_device_id *id)
{
	struct dxgvmbuschannel *channel = kzalloc(sizeof(*channel), GFP_KERNEL);

	if (!channel)
		return -ENOMEM;
	channel->channel = hv->channel;
	channel->device = hv;
	channel->adapter = id->driver_data ? channel : NULL;
	spin_lock_init(&channel->lock);
	INIT_LIST_HEAD(&channel->waiting);
	hv_set_drvdata(hv, channel);
	mutex_lock(&channels_lock);
	list_add_tail(&channel->list, &channels);
	mutex_unlock(&channels_lock);
	return vmbus_open(hv->channel, 0, 0, NULL, 0, dxgvmbuschannel_receive, channel);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
static void remove(struct hv_device *hv)
#else
static int remove(struct hv_device *hv)
#endif
{
	struct dxgvmbuschannel *channel = hv_get_drvdata(hv);

	vmbus_close(hv->channel);
	mutex_lock(&channels_lock);
	list_del(&channel->list);
	mutex_unlock(&channels_lock);
	kfree(channel);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return 0;
#endif
}

static const struct hv_vmbus_device_id ids[] = {
	{ .guid = GUID_INIT(0xdde9cbc0, 0x5060, 0x4436, 0x94, 0x48, 0xea, 0x12, 0x54, 0xa5, 0xd1,
			    0x77) },
	{ .guid = GUID_INIT(0x6e382d18, 0x3336, 0x4f4b, 0xac, 0xc4, 0x2b, 0x77, 0x03, 0xd4, 0xdf,
			    0x4a),
	  .driver_data = 1 },
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
	int ret = vmbus_driver_register(&driver);

	if (ret)
		return ret;
	ret = misc_register(&device);
	if (ret)
		vmbus_driver_unregister(&driver);
	return ret;
}

static void __exit stop(void)
{
	misc_deregister(&device);
	vmbus_driver_unregister(&driver);
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Driver for tests with the names of the GPU driver's functions");
MODULE_LICENSE("GPL");
