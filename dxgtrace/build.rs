//! What the program needs that a manifest cannot say: whether this build
//! captures live, and which of its functions a stripped program still names.

use std::env;

/// What the probe hooks in a stand-in, and finds by name in the program file.
const STAND_IN: [&str; 5] = [
    "vmbus_sendpacket",
    "hv_pkt_iter_first",
    "__hv_pkt_iter_next",
    "dxgvmb_send_sync_msg",
    "dxgk_unlocked_ioctl",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(live)");
    let linux = env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|os| os == "linux");
    if linux && env::var_os("CARGO_FEATURE_LIVE").is_some() {
        println!("cargo::rustc-cfg=live");
        // `strip` leaves the dynamic symbols alone.
        for function in STAND_IN {
            println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol={function}");
        }
    }
}
