// SPDX-License-Identifier: GPL-2.0
/*
 * A VMBus without a host: it takes the name of the real one and has the
 * functions that GPU drivers import. What a packet is answered with, and
 * what sending it returns, is planned from user space. Where the kernel has
 * the VMBus built in, its own functions run on rings of ours.
 *
 * Made from <linux/hyperv.h> alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "bus.h"

/* Where the probe looks, see IF_TYPE_OFFSET and RELID_OFFSET in
 * dxgtrace-ebpf/src/record.rs. */
static_assert(offsetof(struct vmbus_channel, offermsg.offer.if_type) == 36);
static_assert(offsetof(struct vmbus_channel, offermsg.offer.if_instance) == 52);
static_assert(offsetof(struct vmbus_channel, offermsg.child_relid) == 212);

/* Larger than the driver asks for: hosts wait for room, ours cannot. */
#define RING_BYTES (2 << 20)
#define RING_PAGES (RING_BYTES / PAGE_SIZE)
#define TRAILER 8
/* The header, and the data twice, so that no packet is torn at the end. */
#define MAPPED_PAGES (1 + 2 * RING_PAGES)
#define LOG_BYTES (96UL << 20)
#define WAIT (30 * HZ)

struct bus_channel {
	struct vmbus_channel channel;
	struct hv_device device;
	struct list_head list;
	struct tasklet_struct tasklet;
	/* Of the writers, and of the callback against vmbus_close. */
	spinlock_t lock;
	wait_queue_head_t drained;
	struct page *pages[2][1 + RING_PAGES];
	u8 *copy;
	/* Senders share it; one whose ring is made to look full has it alone. */
	struct rw_semaphore sending;
	/* What the ring's read index was before. */
	u32 read_index;
	bool logged;
};

static LIST_HEAD(channels);
static DEFINE_MUTEX(channels_lock);
static LIST_HEAD(plans);
static DEFINE_SPINLOCK(plans_lock);
static atomic64_t sent;
static DECLARE_WAIT_QUEUE_HEAD(sending);

static u8 *log_bytes;
static size_t log_length;
static bool log_full;
static DEFINE_SPINLOCK(log_lock);

static struct bus_channel *bus_channel(struct vmbus_channel *channel)
{
	return container_of(channel, struct bus_channel, channel);
}

static struct bus_channel *find(u32 relid)
{
	struct bus_channel *channel;

	/* A channel is rescinded only while nobody plays on it. */
	list_for_each_entry_rcu(channel, &channels, list, true)
		if (channel->channel.offermsg.child_relid == relid)
			return channel;
	return NULL;
}

static void note(struct played played, const void *payload)
{
	unsigned long flags;

	played.size = sizeof(played) + ALIGN(played.length, 8);
	spin_lock_irqsave(&log_lock, flags);
	if (log_length + played.size > LOG_BYTES) {
		log_full = true;
	} else {
		memcpy(log_bytes + log_length, &played, sizeof(played));
		memcpy(log_bytes + log_length + sizeof(played), payload, played.length);
		smp_store_release(&log_length, log_length + played.size);
	}
	spin_unlock_irqrestore(&log_lock, flags);
}

/* Where data of a ring begins. */
static u8 *data_of(const struct hv_ring_buffer_info *ring, u32 index)
{
	return (u8 *)ring->ring_buffer->buffer + index;
}

#if !REAL_RING
/* Receiving */

static __always_inline struct vmpacket_descriptor *first(struct vmbus_channel *channel)
{
	const struct hv_ring_buffer_info *ring = &channel->inbound;
	struct vmpacket_descriptor *packet;

	if (smp_load_acquire(&ring->ring_buffer->write_index) == ring->priv_read_index)
		return NULL;
	packet = (void *)data_of(ring, ring->priv_read_index);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
	/* A private copy, which the next packet overwrites. */
	memcpy(ring->pkt_buffer, packet, packet->len8 << 3);
	packet = ring->pkt_buffer;
#endif
	return packet;
}

noinline struct vmpacket_descriptor *hv_pkt_iter_first(struct vmbus_channel *channel)
{
	return first(channel);
}
EXPORT_SYMBOL_GPL(hv_pkt_iter_first);

noinline struct vmpacket_descriptor *
__hv_pkt_iter_next(struct vmbus_channel *channel, const struct vmpacket_descriptor *packet)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;

	ring->priv_read_index += (packet->len8 << 3) + TRAILER;
	ring->priv_read_index %= RING_BYTES;
#ifdef INLINE_FIRST
	return first(channel);
#else
	return hv_pkt_iter_first(channel);
#endif
}
EXPORT_SYMBOL_GPL(__hv_pkt_iter_next);

noinline void hv_pkt_iter_close(struct vmbus_channel *channel)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;

	smp_store_release(&ring->ring_buffer->read_index, ring->priv_read_index);
}
EXPORT_SYMBOL_GPL(hv_pkt_iter_close);
#endif

static void receive(unsigned long data)
{
	struct bus_channel *bus = (void *)data;

	spin_lock(&bus->lock);
	if (bus->channel.onchannel_callback)
		bus->channel.onchannel_callback(bus->channel.channel_callback_context);
	spin_unlock(&bus->lock);
	wake_up(&bus->drained);
}

/* The host's half of the ring. */
static DEFINE_SPINLOCK(host_lock);

static int host_write(const struct play_packet *packet, const u8 *payload)
{
	struct bus_channel *bus = find(packet->relid);
	struct vmpacket_descriptor descriptor = {
		.type = packet->type,
		.offset8 = sizeof(descriptor) / 8,
		.len8 = (sizeof(descriptor) + packet->length) / 8,
		.flags = packet->flags,
		.trans_id = packet->transaction,
	};
	u32 whole = sizeof(descriptor) + packet->length + TRAILER;
	struct hv_ring_buffer *ring;
	u8 *to;

	if (!bus || packet->length % 8)
		return -EINVAL;
	ring = bus->channel.inbound.ring_buffer;
	/* A full ring would look like an empty one. */
	if (hv_get_bytes_to_write(&bus->channel.inbound) <= whole)
		return -ENOSPC;
	to = data_of(&bus->channel.inbound, ring->write_index);
	memcpy(to, &descriptor, sizeof(descriptor));
	memcpy(to + sizeof(descriptor), payload, packet->length);
	memset(to + sizeof(descriptor) + packet->length, 0x5a, TRAILER);
	if (bus->logged) {
		struct played played = {
			.kind = PLAYED_RECEIVE,
			.type = packet->type,
			.flags = packet->flags,
			.transaction = packet->transaction,
			.relid = packet->relid,
			.length = packet->length,
		};

		note(played, payload);
	}
	smp_store_release(&ring->write_index, (ring->write_index + whole) % RING_BYTES);
	return 0;
}

static int for_each_packet(const void *packets, u32 length,
			   int (*each)(const struct play_packet *, const u8 *))
{
	const u8 *at = packets, *end = at + length;

	while (at < end) {
		const struct play_packet *packet = (const void *)at;
		int ret;

		if (end - at < sizeof(*packet) || end - at - sizeof(*packet) < packet->length)
			return -EINVAL;
		ret = each(packet, (const u8 *)(packet + 1));
		if (ret)
			return ret;
		at += sizeof(*packet) + packet->length;
	}
	return 0;
}

static int host_interrupt(const struct play_packet *packet, const u8 *payload)
{
	tasklet_schedule(&find(packet->relid)->tasklet);
	return 0;
}

int play_host(const void *packets, u32 length)
{
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&host_lock, flags);
	ret = for_each_packet(packets, length, host_write);
	spin_unlock_irqrestore(&host_lock, flags);
	/* Only now, so that packets written together are one batch. */
	return ret ?: for_each_packet(packets, length, host_interrupt);
}
EXPORT_SYMBOL_GPL(play_host);

/* Sending */

void play_arm(struct play_plan *plan)
{
	unsigned long flags;

	plan->task = current;
	spin_lock_irqsave(&plans_lock, flags);
	list_add(&plan->list, &plans);
	spin_unlock_irqrestore(&plans_lock, flags);
}
EXPORT_SYMBOL_GPL(play_arm);

void play_disarm(struct play_plan *plan)
{
	unsigned long flags;

	spin_lock_irqsave(&plans_lock, flags);
	list_del(&plan->list);
	spin_unlock_irqrestore(&plans_lock, flags);
}
EXPORT_SYMBOL_GPL(play_disarm);

static struct play_plan *plan_of_this_thread(void)
{
	struct play_plan *plan, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&plans_lock, flags);
	list_for_each_entry(plan, &plans, list)
		if (plan->task == current)
			found = plan;
	spin_unlock_irqrestore(&plans_lock, flags);
	return found;
}

#define FULL(plan) ((plan)->refusals_left || (plan)->value == -EAGAIN)

void play_before_send(struct vmbus_channel *channel)
{
	struct bus_channel *bus = bus_channel(channel);
	struct play_plan *plan = plan_of_this_thread();
	struct hv_ring_buffer *ring = channel->outbound.ring_buffer;

	if (!REAL_RING)
		return;
	if (!plan || (!plan->refusals_left && !plan->value)) {
		down_read(&bus->sending);
		return;
	}
	down_write(&bus->sending);
	bus->read_index = ring->read_index;
	if (FULL(plan))
		ring->read_index = (ring->write_index + 8) % RING_BYTES;
	else
		channel->rescind = true;
}
EXPORT_SYMBOL_GPL(play_before_send);

static void end_real_send(struct bus_channel *bus, const struct play_plan *plan)
{
	struct hv_ring_buffer *ring = bus->channel.outbound.ring_buffer;
	unsigned long flags;

	if (!plan || (!plan->refusals_left && !plan->value)) {
		/* The host has read all there is. */
		spin_lock_irqsave(&bus->channel.outbound.ring_lock, flags);
		ring->read_index = ring->write_index;
		spin_unlock_irqrestore(&bus->channel.outbound.ring_lock, flags);
		up_read(&bus->sending);
		return;
	}
	ring->read_index = bus->read_index;
	bus->channel.rescind = false;
	up_write(&bus->sending);
}

void play_after_send(struct vmbus_channel *channel, const void *buffer, u32 length,
		     u64 transaction, u32 type, u32 flags, int ret)
{
	struct bus_channel *bus = bus_channel(channel);
	struct play_plan *plan = plan_of_this_thread();

	if (REAL_RING)
		end_real_send(bus, plan);
	if (plan && plan->refusals_left) {
		plan->refusals_left--;
		return;
	}
	if (bus->logged) {
		struct played played = {
			.kind = PLAYED_SEND,
			.type = type,
			.flags = flags,
			.transaction = transaction,
			.relid = channel->offermsg.child_relid,
			.length = length,
			.pid = task_tgid_nr(current),
			.tid = task_pid_nr(current),
			.value = ret,
		};

		if (plan) {
			played.refusals = plan->refusals;
			played.expected = plan->expected;
			played.ioctl = plan->ioctl;
			played.result = plan->result;
		}
		get_task_comm(played.comm, current);
		note(played, buffer);
	}
	if (plan && plan->replies_length) {
		int failed = play_host(plan->replies, plan->replies_length);

		if (failed)
			pr_err("the host's answer does not fit: %d\n", failed);
	}
	if (bus->logged) {
		atomic64_inc(&sent);
		wake_up(&sending);
	}
}
EXPORT_SYMBOL_GPL(play_after_send);

#if !REAL_RING
/* What sending returns is planned; there is no ring, since nobody reads it. */
static noinline int ring_write(void)
{
	const struct play_plan *plan = plan_of_this_thread();

	if (!plan)
		return 0;
	return plan->refusals_left ? -EAGAIN : plan->value;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
noinline int vmbus_sendpacket_getid(struct vmbus_channel *channel, void *buffer, u32 length,
				    u64 transaction, u64 *given, enum vmbus_packet_type type,
				    u32 flags)
{
	return ring_write();
}
EXPORT_SYMBOL(vmbus_sendpacket_getid);

noinline int vmbus_sendpacket(struct vmbus_channel *channel, void *buffer, u32 length,
			      u64 transaction, enum vmbus_packet_type type, u32 flags)
{
	return vmbus_sendpacket_getid(channel, buffer, length, transaction, NULL, type, flags);
}
#else
noinline int vmbus_sendpacket(struct vmbus_channel *channel, void *buffer, u32 length,
			      u64 transaction, enum vmbus_packet_type type, u32 flags)
{
	return ring_write();
}
#endif
EXPORT_SYMBOL(vmbus_sendpacket);
#endif

/* Channels and drivers */

int vmbus_open(struct vmbus_channel *channel, u32 send_bytes, u32 receive_bytes, void *data,
	       u32 data_length, void (*callback)(void *context), void *context)
{
	struct bus_channel *bus = bus_channel(channel);

	spin_lock_bh(&bus->lock);
	channel->channel_callback_context = context;
	channel->onchannel_callback = callback;
	spin_unlock_bh(&bus->lock);
	tasklet_schedule(&bus->tasklet);
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_open);

void vmbus_close(struct vmbus_channel *channel)
{
	struct bus_channel *bus = bus_channel(channel);

	spin_lock_bh(&bus->lock);
	channel->onchannel_callback = NULL;
	spin_unlock_bh(&bus->lock);
}
EXPORT_SYMBOL_GPL(vmbus_close);

static const struct hv_vmbus_device_id *wanted(const struct hv_driver *driver,
					       struct hv_device *device)
{
	const struct hv_vmbus_device_id *id;

	for (id = driver->id_table; id && !guid_is_null(&id->guid); id++)
		if (guid_equal(&id->guid, &device->dev_type))
			return id;
	return NULL;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static int bus_match(struct device *device, const struct device_driver *driver)
#else
static int bus_match(struct device *device, struct device_driver *driver)
#endif
{
	return !!wanted(container_of(driver, struct hv_driver, driver),
			container_of(device, struct hv_device, device));
}

static int bus_probe(struct device *device)
{
	struct hv_device *hv = container_of(device, struct hv_device, device);
	struct hv_driver *driver = container_of(device->driver, struct hv_driver, driver);

	return driver->probe(hv, wanted(driver, hv));
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
static void bus_remove(struct device *device)
#else
static int bus_remove(struct device *device)
#endif
{
	struct hv_device *hv = container_of(device, struct hv_device, device);
	struct hv_driver *driver = container_of(device->driver, struct hv_driver, driver);

	if (driver->remove)
		driver->remove(hv);
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	return 0;
#endif
}

static ssize_t class_id_show(struct device *device, struct device_attribute *attribute, char *text)
{
	struct hv_device *hv = container_of(device, struct hv_device, device);

	return sprintf(text, "{%pUl}\n", &hv->dev_type);
}
static DEVICE_ATTR_RO(class_id);

static ssize_t id_show(struct device *device, struct device_attribute *attribute, char *text)
{
	struct hv_device *hv = container_of(device, struct hv_device, device);

	return sprintf(text, "%u\n", hv->channel->offermsg.child_relid);
}
static DEVICE_ATTR_RO(id);

static struct attribute *bus_attrs[] = { &dev_attr_class_id.attr, &dev_attr_id.attr, NULL };
ATTRIBUTE_GROUPS(bus);

static struct bus_type bus = {
	.name = "vmbus",
	.match = bus_match,
	.probe = bus_probe,
	.remove = bus_remove,
	.dev_groups = bus_groups,
};

int __vmbus_driver_register(struct hv_driver *driver, struct module *owner, const char *name)
{
	driver->driver.name = driver->name;
	driver->driver.owner = owner;
	driver->driver.mod_name = name;
	driver->driver.bus = &bus;
	return driver_register(&driver->driver);
}
EXPORT_SYMBOL_GPL(__vmbus_driver_register);

void vmbus_driver_unregister(struct hv_driver *driver)
{
	driver_unregister(&driver->driver);
}
EXPORT_SYMBOL_GPL(vmbus_driver_unregister);

static void release(struct device *device)
{
	/* All channels are freed together when the module goes. */
}

static void free_ring(struct page **pages, struct hv_ring_buffer_info *ring)
{
	u32 index;

	if (ring->ring_buffer)
		vunmap(ring->ring_buffer);
	for (index = 0; index <= RING_PAGES; index++)
		if (pages[index])
			__free_page(pages[index]);
}

static int make_ring(struct page **pages, struct hv_ring_buffer_info *ring)
{
	struct page **mapped = kvcalloc(MAPPED_PAGES, sizeof(*mapped), GFP_KERNEL);
	u32 index;

	if (!mapped)
		return -ENOMEM;
	for (index = 0; index <= RING_PAGES; index++) {
		pages[index] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[index])
			goto out;
		mapped[index] = pages[index];
		if (index)
			mapped[index + RING_PAGES] = pages[index];
	}
	ring->ring_buffer = vmap(mapped, MAPPED_PAGES, VM_MAP, PAGE_KERNEL);
	ring->ring_datasize = RING_BYTES;
	ring->ring_size = RING_BYTES + PAGE_SIZE;
	ring->ring_size_div10_reciprocal = reciprocal_value(ring->ring_size / 10);
	spin_lock_init(&ring->ring_lock);
	mutex_init(&ring->ring_buffer_mutex);
out:
	kvfree(mapped);
	return ring->ring_buffer ? 0 : -ENOMEM;
}

static void free_channel(struct bus_channel *bus)
{
	free_ring(bus->pages[0], &bus->channel.outbound);
	free_ring(bus->pages[1], &bus->channel.inbound);
	vfree(bus->copy);
	kvfree(bus);
}

/* Where the host's messages about channels arrive. They are in no header, and
 * the compiler must leave them as they are. */
static __attribute__((noipa)) void vmbus_onoffer(struct vmbus_channel_message_header *message)
{
	barrier_data(message);
}

static __attribute__((noipa)) void
vmbus_onoffer_rescind(struct vmbus_channel_message_header *message)
{
	barrier_data(message);
}

static int rescind(const struct play_rescind *wanted)
{
	struct vmbus_channel_rescind_offer message = {
		.header.msgtype = CHANNELMSG_RESCIND_CHANNELOFFER,
		.child_relid = wanted->relid,
	};
	struct bus_channel *channel = find(wanted->relid);

	if (!channel)
		return -ENODEV;
	vmbus_onoffer_rescind(&message.header);
	channel->channel.rescind = true;
	list_del_rcu(&channel->list);
	synchronize_rcu();
	device_unregister(&channel->device.device);
	tasklet_kill(&channel->tasklet);
	free_channel(channel);
	return 0;
}

static int offer(const struct play_offer *wanted_offer)
{
	static const guid_t network = GUID_INIT(0xf8615163, 0xdf3e, 0x46c5, 0x91, 0x3f, 0xf2, 0xd2,
						0xf9, 0x65, 0xed, 0x0e);
	struct bus_channel *channel;

	if (find(wanted_offer->relid))
		return -EEXIST;
	channel = kvzalloc(sizeof(*channel), GFP_KERNEL);
	if (!channel)
		return -ENOMEM;
	channel->copy = vmalloc(RING_BYTES);
	if (!channel->copy || make_ring(channel->pages[0], &channel->channel.outbound) ||
	    make_ring(channel->pages[1], &channel->channel.inbound)) {
		free_channel(channel);
		return -ENOMEM;
	}
	/* Nobody is to be told of what is sent. */
	channel->channel.outbound.ring_buffer->interrupt_mask = 1;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0)
	channel->channel.inbound.pkt_buffer = channel->copy;
	channel->channel.inbound.pkt_buffer_size = RING_BYTES;
#endif
	init_rwsem(&channel->sending);
	spin_lock_init(&channel->lock);
	init_waitqueue_head(&channel->drained);
	tasklet_init(&channel->tasklet, receive, (unsigned long)channel);
	channel->channel.state = CHANNEL_OPENED_STATE;
	channel->channel.device_obj = &channel->device;
	channel->channel.offermsg.child_relid = wanted_offer->relid;
	import_guid(&channel->channel.offermsg.offer.if_type, wanted_offer->type);
	import_guid(&channel->channel.offermsg.offer.if_instance, wanted_offer->instance);
	channel->device.channel = &channel->channel;
	channel->device.dev_type = channel->channel.offermsg.offer.if_type;
	channel->device.dev_instance = channel->channel.offermsg.offer.if_instance;
	channel->device.device.bus = &bus;
	channel->device.device.release = release;
	channel->logged = !guid_equal(&channel->device.dev_type, &network);
	dev_set_name(&channel->device.device, "%pUl", &channel->device.dev_instance);
	list_add_tail_rcu(&channel->list, &channels);
	vmbus_onoffer(&channel->channel.offermsg.header);
	return device_register(&channel->device.device);
}

/* The host, as user space plays it */

static int drain(const struct play_packet *packet, const u8 *payload)
{
	struct bus_channel *bus = find(packet->relid);

	if (!wait_event_timeout(bus->drained,
				!hv_get_bytes_to_read(&bus->channel.inbound), WAIT))
		return -ETIME;
	return 0;
}

static long host_packets(const struct play_packets *packets)
{
	void *copy;
	long ret;

	if (packets->length > 2 * RING_BYTES)
		return -EINVAL;
	copy = vmalloc(packets->length + 1);
	if (!copy)
		return -ENOMEM;
	if (copy_from_user(copy, u64_to_user_ptr(packets->packets), packets->length))
		ret = -EFAULT;
	else
		ret = play_host(copy, packets->length) ?:
			for_each_packet(copy, packets->length, drain);
	vfree(copy);
	return ret;
}

static long host_ioctl(struct file *file, unsigned int request, unsigned long argument)
{
	void __user *from = (void __user *)argument;
	struct play_packets packets;
	struct play_rescind rescinded;
	struct play_offer offered;
	u64 count;
	long ret;

	switch (request) {
	case PLAY_OFFER:
		if (copy_from_user(&offered, from, sizeof(offered)))
			return -EFAULT;
		mutex_lock(&channels_lock);
		ret = offer(&offered);
		mutex_unlock(&channels_lock);
		return ret;
	case PLAY_RESCIND:
		if (copy_from_user(&rescinded, from, sizeof(rescinded)))
			return -EFAULT;
		mutex_lock(&channels_lock);
		ret = rescind(&rescinded);
		mutex_unlock(&channels_lock);
		return ret;
	case PLAY_HOST:
		if (copy_from_user(&packets, from, sizeof(packets)))
			return -EFAULT;
		return host_packets(&packets);
	case PLAY_SENT:
		if (copy_from_user(&count, from, sizeof(count)))
			return -EFAULT;
		if (!wait_event_timeout(sending, atomic64_read(&sent) >= count, WAIT))
			return -ETIME;
		return 0;
	}
	return -ENOTTY;
}

static ssize_t host_read(struct file *file, char __user *to, size_t length, loff_t *at)
{
	if (log_full)
		return -ENOSPC;
	return simple_read_from_buffer(to, length, at, log_bytes, smp_load_acquire(&log_length));
}

/* "sent" starts to count anew, "log" begins a new log too. */
static ssize_t host_forget(struct file *file, const char __user *from, size_t length, loff_t *at)
{
	unsigned long flags;
	char first;

	if (get_user(first, from))
		return -EFAULT;
	atomic64_set(&sent, 0);
	if (first == 's')
		return length;
	spin_lock_irqsave(&log_lock, flags);
	log_length = 0;
	log_full = false;
	spin_unlock_irqrestore(&log_lock, flags);
	return length;
}

static const struct file_operations host_operations = {
	.owner = THIS_MODULE,
	.read = host_read,
	.write = host_forget,
	.unlocked_ioctl = host_ioctl,
	.llseek = default_llseek,
};

static struct miscdevice host = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vmbus-host",
	.fops = &host_operations,
};

static int __init start(void)
{
	int ret;

	log_bytes = vmalloc(LOG_BYTES);
	if (!log_bytes)
		return -ENOMEM;
	ret = bus_register(&bus);
	if (ret)
		goto no_bus;
	ret = misc_register(&host);
	if (ret)
		goto no_host;
	return 0;

no_host:
	bus_unregister(&bus);
no_bus:
	vfree(log_bytes);
	return ret;
}

static void __exit stop(void)
{
	struct bus_channel *channel, *next;

	misc_deregister(&host);
	list_for_each_entry_safe(channel, next, &channels, list) {
		device_unregister(&channel->device.device);
		tasklet_kill(&channel->tasklet);
		list_del(&channel->list);
		free_channel(channel);
	}
	bus_unregister(&bus);
	vfree(log_bytes);
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("VMBus for tests, without a host");
MODULE_LICENSE("GPL");
