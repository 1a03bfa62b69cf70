//! Room for deep trees. An overflow of the stack aborts the process, and no handler can catch it, so a
//! tree is built, walked, compared and dropped only where there is room.

/// Room for the largest statement that the limits let through.
const LARGE: usize = 64 << 20;
/// Room for a short and shallow statement, with a wide margin, in unoptimised builds too.
const SMALL: usize = 1 << 20;
/// Longest text that counts as short.
const SHORT: usize = 400;
/// Brackets and words that nest, up to which a statement counts as shallow.
const SHALLOW: usize = 5;

/// Runs `work` with enough stack for the statement `sql`. A short and shallow one stays on the stack of
/// its caller when that has a megabyte left.
pub(crate) fn with_stack<T>(sql: &str, work: impl FnOnce() -> T) -> T {
    if sql.len() <= SHORT && nesting(sql) <= SHALLOW {
        stacker::maybe_grow(SMALL, LARGE, work)
    } else {
        stacker::maybe_grow(LARGE / 2, LARGE, work)
    }
}

/// At least as much as the statement nests.
fn nesting(sql: &str) -> usize {
    let brackets = sql.bytes().filter(|b| matches!(b, b'(' | b'[' | b'{' | b'<')).count();
    let words = |word: &str| {
        sql.as_bytes().windows(word.len()).filter(|at| at.eq_ignore_ascii_case(word.as_bytes())).count()
    };
    brackets + words("case") + words("not ") + words("- ") + words("prior")
}
