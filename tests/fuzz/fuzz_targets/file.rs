//! A capture file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dxgtrace_tests::exercise::file(data));
