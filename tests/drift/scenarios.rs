//! The changes in `tests/fixtures/drift`.

use serde_json::Value as JsonValue;
use std::path::PathBuf;

/// One change with what it must give.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) told: JsonValue,
}

impl Scenario {
    pub(crate) fn statements(&self, part: &str) -> Vec<&str> {
        self.told[part].as_array().unwrap().iter().map(|statement| statement.as_str().unwrap()).collect()
    }
}

/// All changes of one engine.
pub(crate) fn of(dialect: &str) -> Vec<Scenario> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/drift");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<Scenario> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| Scenario {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            told: serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        })
        .filter(|scenario| scenario.told["dialect"] == dialect)
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty());
    found
}
