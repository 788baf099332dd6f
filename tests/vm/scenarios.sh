# What the virtual machine does if no other script is given.
insmod /modules/*_vmbus.ko && insmod /modules/hv_netvsc.ko || exit 1
vm-guest scenarios
