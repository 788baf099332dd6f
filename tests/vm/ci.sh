# What `.ci/run` does in the machine: all but kprobes under several threads,
# whose losses of messages that the host sends by itself no counter tells.
insmod /modules/*_vmbus.ko && insmod /modules/hv_netvsc.ko && insmod /modules/dxgkrnl.ko || exit 1
status=0
for play in samples v40 one-thread; do
    vm-guest scenario kprobe $play || status=1
done
case $(uname -r) in
5.10.*) ;; # has no types of modules, which fentry needs
*) for play in v40 one-thread eight-threads; do
    vm-guest scenario fentry $play || status=1
done ;;
esac
exit $status
