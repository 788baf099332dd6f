#!/bin/sh
# Runs the differential test with the tshark of other Debian releases:
#
#     tests/tshark-versions.sh [RELEASE]...      (default: trixie sid)
#
# Each release is unpacked into a folder of its own under target/ with
# debootstrap, and its tshark is called there with chroot; both need root.
set -eu

cd "$(dirname "$0")/.."
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
[ $# -gt 0 ] || set -- trixie sid

for release; do
    root=$PWD/target/tshark/$release
    if [ ! -x "$root/usr/bin/tshark" ]; then
        mkdir -p "$root"
        debootstrap --variant=minbase "$release" "$root" "$mirror"
        DEBIAN_FRONTEND=noninteractive chroot "$root" \
            apt-get install --yes --no-install-recommends tshark
    fi
    # The test gives absolute paths: the same ones must exist inside.
    mkdir -p "$root$PWD/dissectors" "$root$PWD/tests" "$root/tmp"
    cp dissectors/dxg.lua "$root$PWD/dissectors/"
    wrapper=$PWD/target/tshark/$release.sh
    cat > "$wrapper" <<WRAPPER
#!/bin/sh
previous=
for word; do
    if [ "\$previous" = -r ]; then install -D -m 644 "\$word" "$root\$word"; capture=\$word; fi
    previous=\$word
done
# Newer versions load no scripts for root.
chroot --userspec=nobody:nogroup "$root" env HOME=/tmp WIRESHARK_CONFIG_DIR=/tmp tshark "\$@"
status=\$?
[ -z "\${capture:-}" ] || rm -f "$root\$capture"
exit \$status
WRAPPER
    chmod +x "$wrapper"
    "$wrapper" --version | head -n 1
    DXGTRACE_TSHARK=$wrapper DXGTRACE_REQUIRE_TSHARK=1 \
        cargo test --package dxgtrace-tests --test tools tshark::
done
