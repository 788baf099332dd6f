//! Packets in a row, completions answering the request before them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dxgtrace_tests::exercise::exchange(data));
