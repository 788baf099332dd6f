# Each target is a few lines; what they do is in the programs they call.
# `make` alone lists them.

CARGO ?= cargo
DEMO ?= /tmp/dxgtrace-demo.pcapng
# What it takes to build for arm64 and to run that. With another compiler that
# has the target (rustup target add), leave the last two out.
ARM64 ?= qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross rustc-web libstd-rust-web-dev:arm64

.PHONY: help demo test lint portable generate probe bench vm

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## Play a sample of the real driver through the stand-in and capture it live
	@.ci/install gcc libc6-dev
	$(CARGO) run --quiet --bin dxgtrace -- demo -w $(DEMO)

test: ## Run all tests; those that cannot run here say why
	@.ci/install gcc libc6-dev
	$(CARGO) test --quiet

lint: ## Check format, lints and documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --quiet --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --no-deps --workspace

portable: ## Check the library and the program for WASI, Windows and macOS
	@.ci/install gcc libc6-dev
	.ci/portable

generate: ## Write again what is generated from the description
	DXGTRACE_BLESS=1 $(CARGO) test --quiet --test offline generated::

probe: ## Rebuild the BPF objects that are checked in and embedded
	@.ci/install gcc libc6-dev rustc-web libstd-rust-web-dev-bpf llvm-22 || true
	dxgtrace-ebpf/build.sh

bench: ## Measure: ratios against walking blocks and tshark
	$(CARGO) bench --package dxgtrace-tests

vm: ## Capture in kernels of Debian under QEMU: KERNEL=6.1, all four without
	@.ci/install gcc libc6-dev $(if $(findstring arm64,$(VM)),$(ARM64),qemu-system-x86)
	$(CARGO) run --quiet --bin vm -- $(if $(TABLE),--table,$(KERNEL) $(VM))
