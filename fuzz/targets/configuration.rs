//! The configuration's text.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| callbackservice::fuzz_support::configuration(text));
