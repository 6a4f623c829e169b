#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (tests::fuzz::Kind::named("checkpoint").read)(data));
