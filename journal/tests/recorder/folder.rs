//! Where tests that make hundreds of journals put them.

use std::path::Path;

/// A directory in memory where there is one: nothing here needs a disk.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}
