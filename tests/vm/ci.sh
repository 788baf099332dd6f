# What `.ci/run` does in the machine.
insmod /modules/*_vmbus.ko && insmod /modules/hv_netvsc.ko && insmod /modules/dxgkrnl.ko || exit 1
status=0
for backend in auto kprobe; do
    for play in samples v40 one-thread eight-threads; do
        vm-guest scenario $backend $play || status=1
    done
done
for backend in auto kprobe; do
    vm-guest scenario $backend passing || status=1
done
rmmod dxgkrnl
for life in late again hurried; do
    vm-guest scenario kprobe $life || status=1
done
exit $status
