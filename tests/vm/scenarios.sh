# What the virtual machine does if no other script is given.
insmod /modules/*_vmbus.ko && insmod /modules/hv_netvsc.ko || exit 1
vm-guest scenarios
status=$?
cd /sys/module/hv_netvsc/parameters
echo "vm: meanwhile another device has sent $(cat transmitted) packets and received $(cat received)"
exit $status
