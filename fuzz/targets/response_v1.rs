//! An answer over v1: one byte that chooses wire format and command, two for the status, then the body.
#![no_main]

use callbackservice::fuzz_support::{response, ApiVersion};

libfuzzer_sys::fuzz_target!(|data: &[u8]| response(ApiVersion::V1, data));
