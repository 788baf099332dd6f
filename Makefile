.PHONY: probe generate

# Rebuilds the BPF objects that are checked in and embedded.
probe:
	dxgtrace-ebpf/build.sh

# Writes the files that are generated from the description: the dissector, the
# protocol reference and the page of findings.
generate:
	DXGTRACE_BLESS=1 cargo test --package dxgtrace-tests --test generated
