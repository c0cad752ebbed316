//! What the compiler says to an author who made a mistake: one error for each, at his token, with what to
//! type. The goldens are rewritten with `TRYBUILD=overwrite`; read what changed.

#[test]
fn a_mistake_is_one_error_that_says_what_to_type() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/*.rs");
}
