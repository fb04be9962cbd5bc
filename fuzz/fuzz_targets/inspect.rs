#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| certvigil::hostile::run("inspect", octets));
