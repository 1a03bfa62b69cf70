//! What to measure and how much of it: groups by name, sizes as `--name=value`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use tempfile::TempDir;

/// What the command line says.
pub(crate) struct Options {
    /// Groups to measure; all when none is named.
    pub(crate) groups: Vec<String>,
    /// The part that a process of its own plays.
    pub(crate) child: Option<String>,
    values: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn from_arguments() -> Self {
        let (mut groups, mut values) = (Vec::new(), BTreeMap::new());
        for argument in std::env::args().skip(1) {
            match argument.strip_prefix("--").map(|option| option.split_once('=')) {
                Some(Some((name, value))) => drop(values.insert(name.to_owned(), value.to_owned())),
                // Cargo says `--bench`.
                Some(None) => {}
                None => groups.push(argument),
            }
        }
        Self { groups, child: values.remove("child"), values }
    }

    /// A size, when it is given.
    pub(crate) fn number(&self, name: &str, default: u64) -> u64 {
        self.values.get(name).map_or(default, |value| value.parse().expect("a number"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.values.get(name).expect("a path").into()
    }
}

/// A directory on the disk that holds the build, not on one in memory; gone when it is dropped.
pub(crate) fn scratch() -> TempDir {
    let program = std::env::current_exe().expect("a program");
    tempfile::tempdir_in(program.parent().expect("a directory")).expect("a directory")
}
