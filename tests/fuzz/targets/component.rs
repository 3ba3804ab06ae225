#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| althing_fuzz::component::run(bytes));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let change = |bytes: &mut [u8], size| {
        let max_size = bytes.len();
        libfuzzer_sys::fuzzer_mutate(bytes, size, max_size)
    };
    althing_fuzz::mutate(&mut data[..max_size], size, seed, change)
});
