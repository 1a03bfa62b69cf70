//! Names of result columns.

use std::collections::HashSet;

/// Gives each column a name of its own.
pub(super) fn unique_names<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Vec<String> {
    let given: HashSet<&str> = names.clone().collect();
    let mut taken = HashSet::new();
    names
        .map(|name| {
            let mut unique = name.to_owned();
            let mut n = 2;
            // A made-up name must also not be one that a later column brings itself.
            while taken.contains(&unique) || (n > 2 && given.contains(unique.as_str())) {
                unique = format!("{name}_{n}");
                n += 1;
            }
            taken.insert(unique.clone());
            unique
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_become_unique_and_never_meet_a_later_one() {
        let names = unique_names(["a", "a", "a_2", "a", "b"].into_iter());
        assert_eq!(names, ["a", "a_3", "a_2", "a_4", "b"]);
    }
}
