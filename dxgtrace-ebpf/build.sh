#!/bin/sh
# Builds the probe for each architecture into dxgtrace/crates/live/probe/, together with
# the checksum of what it was built from. `make probe` runs it.
#
# The result depends on the sources and the toolchain only: not on the
# directory, the user or the time.
set -eu

cd "$(dirname "$0")/.."
out=dxgtrace/crates/live/probe
target=bpfel-unknown-none
linker_version=0.10.3

say() { printf '%s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# Prints the checksum of everything that decides what the probe is.
checksum() {
    for file in dxgtrace-ebpf/Cargo.toml dxgtrace-ebpf/build.sh dxgtrace-ebpf/src/*.rs; do
        sha256sum "$file"
    done | LC_ALL=C sort -k 2
}

# Sets `rustc` to a compiler that has `core` for the target.
find_compiler() {
    # Debian's rustc-web; its LLVM is the one that the linker was built for.
    for candidate in "${PROBE_RUSTC:-}" /usr/bin/rustc; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] &&
            [ -d "$("$candidate" --print sysroot)/lib/rustlib/$target" ]; then
            rustc=$candidate
            build_std=
            return
        fi
    done
    if has rustup; then
        nightly=${PROBE_TOOLCHAIN:-nightly}
        if rustc=$(rustup which --toolchain "$nightly" rustc 2>/dev/null) &&
            [ -d "$("$rustc" --print sysroot)/lib/rustlib/src" ]; then
            build_std='-Z build-std=core'
            return
        fi
    fi
    say 'No Rust compiler for BPF. Install one of'
    say '  apt-get install rustc-web libstd-rust-web-dev-bpf'
    say '  rustup toolchain install nightly --component rust-src'
    exit 1
}

find_linker() {
    PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
    if ! has bpf-linker; then
        say "Installing bpf-linker $linker_version"
        cargo install bpf-linker --version $linker_version --locked
    fi
}

find_objcopy() {
    for objcopy in llvm-objcopy llvm-objcopy-22 rust-objcopy; do
        if has "$objcopy"; then
            return
        fi
    done
    say 'No llvm-objcopy. Install it: apt-get install llvm'
    exit 1
}

if [ "${1:-}" = --checksum ]; then
    checksum
    exit
fi

find_compiler
find_linker
find_objcopy
mkdir -p $out
root=$(pwd)
registry=${CARGO_HOME:-$HOME/.cargo}
for arch in x86_64 aarch64; do
    # Processor version 2: no 32-bit arithmetic, whose bounds old verifiers
    # lose. The debug information makes the BTF and is then removed, like the
    # line table, which a bare comment in assembly would spoil.
    flags="-C linker=bpf-linker -C target-cpu=v2 -C debuginfo=2 -C link-arg=--btf"
    flags="$flags --cfg bpf_target_arch=\"$arch\" --check-cfg cfg(bpf_target_arch,values(any()))"
    flags="$flags --remap-path-prefix=$root=. --remap-path-prefix=$registry=cargo"
    # shellcheck disable=SC2086 # build_std is a list of words
    RUSTC=$rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags cargo build --locked --release \
        --package dxgtrace-ebpf --features probe --bin probe \
        --target $target --target-dir "target/probe-$arch" $build_std
    "$objcopy" --strip-unneeded \
        --remove-section=.BTF.ext --remove-section=.rel.BTF.ext --remove-section=.rel.BTF \
        "target/probe-$arch/$target/release/probe" "target/dxgtrace-$arch.bpf.o"
    # The same object keeps its time: what embeds it is not built again.
    cmp -s "target/dxgtrace-$arch.bpf.o" "$out/dxgtrace-$arch.bpf.o" ||
        cp "target/dxgtrace-$arch.bpf.o" "$out/dxgtrace-$arch.bpf.o"
done
checksum >$out/probe.sources
sha256sum $out/*.bpf.o >&2
