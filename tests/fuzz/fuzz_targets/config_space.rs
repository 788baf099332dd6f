//! A PCI configuration space, or a listing of some.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dxgtrace_tests::exercise::config_space(data));
