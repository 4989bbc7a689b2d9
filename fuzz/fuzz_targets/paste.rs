//! Whatever somebody pastes into the form: no part of it is told back but names of parameters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mycorr_fuzz as _;
use mycorr_pgread::paste;

fuzz_target!(|text: &str| {
    // A problem may say what a text like this one is called, never what stands in it: digits are only the person's.
    let digits =
        |text: &str| text.split(|char: char| !char.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    match paste::parse(text) {
        Err(problem) => assert!(digits(&problem.to_string()) < 6, "{problem}"),
        Ok(pasted) => {
            assert!(pasted.port != Some(0));
            for warning in &pasted.warnings {
                let password = pasted.password.as_ref().map_or("", |password| password.expose());
                assert!(digits(password) < 8 || !warning.contains(password), "{warning}");
            }
        }
    }
});
