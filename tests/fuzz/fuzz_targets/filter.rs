//! A filter, and a packet to ask it about.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dxgtrace_tests::exercise::filter(data));
