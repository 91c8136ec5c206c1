//! A command's data: one byte that chooses API, wire format and command, then the text.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbackservice::fuzz_support::command(data));
