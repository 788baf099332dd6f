//! One packet of any kind: checked, read, shown.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dxgtrace_tests::exercise::packet(data));
