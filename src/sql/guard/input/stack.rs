//! Room for deep trees. An overflow of the stack aborts the process, and no handler can catch it, so a
//! tree is built, walked, compared and dropped only where there is room.

/// Room for the largest statement that the limits let through.
const LARGE: usize = 64 << 20;
/// Room for a statement of this many tokens, with a wide margin, in unoptimised builds too.
const SMALL_TOKENS: usize = 400;
const SMALL: usize = 1 << 20;

/// Runs `work` with enough stack for a statement of `bytes`. A short one, which cannot have many
/// tokens, stays on the stack of its caller when that has a megabyte left.
pub(crate) fn with_stack<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= SMALL_TOKENS {
        stacker::maybe_grow(SMALL, LARGE, work)
    } else {
        stacker::maybe_grow(LARGE / 2, LARGE, work)
    }
}
