//! A JSON Pointer, a value and a JSON text, with a zero byte between them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbackservice::fuzz_support::json_pointer(data));
