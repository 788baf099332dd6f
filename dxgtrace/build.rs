//! Sets what a manifest cannot express: whether this build captures live, and which
//! functions the program exports.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(live)");
    let linux = env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|os| os == "linux");
    if linux && env::var_os("CARGO_FEATURE_LIVE").is_some() {
        println!("cargo::rustc-cfg=live");
        export_hooked_functions();
    }
}

/// Exports the functions that the probe hooks in a stand-in: `strip` keeps dynamic
/// symbols only.
fn export_hooked_functions() {
    #[cfg(feature = "live")]
    for function in dxgtrace_ebpf::functions::ALL {
        println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol={function}");
    }
}
