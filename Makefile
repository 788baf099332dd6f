.PHONY: probe

# Rebuilds the BPF objects that are checked in and embedded.
probe:
	dxgtrace-ebpf/build.sh
