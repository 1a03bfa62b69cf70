//! Named places at which a test lets a process die, panic or stand still.
//!
//! Without the feature `failpoints`, which only tests turn on, a place is no code at all. With it,
//! `VANNA_FAILPOINT=frame_synced:3=abort` aborts the process when it comes to that place the third time;
//! other actions are `panic` and `pause`. Tests read the names of all places off the sources.

/// A named place. Its name stands in no other place.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::reach($name)
    };
}

/// A named place: no code.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {};
}

/// Does at a place what the environment wants there.
#[cfg(feature = "failpoints")]
#[expect(clippy::panic, clippy::print_stderr, reason = "a test asked for it")]
pub fn reach(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static WISH: OnceLock<Option<(String, u64, String)>> = OnceLock::new();
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let wish = WISH.get_or_init(|| {
        let text = std::env::var("VANNA_FAILPOINT").ok()?;
        let (place, action) = text.split_once('=')?;
        let (name, number) = place.split_once(':')?;
        Some((name.to_owned(), number.parse().ok()?, action.to_owned()))
    });
    let Some((wanted, number, action)) = wish else { return };
    if wanted != name || SEEN.fetch_add(1, Ordering::AcqRel) + 1 != *number {
        return;
    }
    match action.as_str() {
        "panic" => panic!("failpoint {name}"),
        "pause" => loop {
            std::thread::park();
        },
        _ => {
            eprintln!("failpoint {name}");
            std::process::abort();
        }
    }
}
