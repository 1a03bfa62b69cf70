//! The canonical form of a word, under which names and synonyms of the model are matched.
//!
//! Plurals fall to the singular, forms of a verb of trade to its infinitive, and words that say the same
//! operation ("biggest", "maximum") to one of them. The form need not be English: both sides go through it.

/// Words that fall together although their letters do not.
const SAME: &[(&str, &[&str])] = &[
    ("average", &["avg", "avge", "mean", "averaged", "typical"]),
    ("largest", &["biggest", "highest", "maximum", "max", "greatest"]),
    ("smallest", &["lowest", "minimum", "min", "littlest"]),
    ("number", &["nr", "num", "no"]),
    ("person", &["people", "persons"]),
    ("sell", &["sold", "sells", "selling"]),
    ("buy", &["bought", "buys", "buying", "purchased", "purchasing"]),
    ("spend", &["spent", "spends", "spending"]),
    ("make", &["made", "makes", "making"]),
    ("earn", &["earned", "earns", "earning"]),
    ("pay", &["paid", "pays", "paying"]),
    ("growth", &["grow", "grew", "grown", "grows", "growing"]),
    ("child", &["children"]),
    ("woman", &["women"]),
    ("man", &["men"]),
    ("metre", &["meter", "meters", "metres"]),
];

/// Words whose final "s" is no plural.
const WHOLE: &[&str] =
    &["is", "was", "has", "this", "does", "us", "its", "his", "plus", "yes", "always", "as", "less"];

/// The canonical form of a folded word.
pub(super) fn stem(word: &str) -> String {
    for (form, others) in SAME {
        if others.contains(&word) {
            return (*form).to_owned();
        }
    }
    singular(word)
}

/// Whether a folded word looks like a plural.
pub(super) fn is_plural(word: &str) -> bool {
    matches!(word, "people" | "children" | "women" | "men") || word.ends_with('s') && singular(word) != word
}

fn singular(word: &str) -> String {
    if word.len() <= 3 || WHOLE.contains(&word) || !word.is_ascii() {
        return word.to_owned();
    }
    for (ending, by) in [("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")] {
        if let Some(head) = word.strip_suffix(ending) {
            return format!("{head}{by}");
        }
    }
    if let Some(head) = word.strip_suffix("ie") {
        return format!("{head}y");
    }
    match word.strip_suffix('s') {
        Some(head) if !head.ends_with(['s', 'u', 'i']) => head.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_and_forms_fall_together() {
        for (one, other) in [
            ("countries", "country"),
            ("sales", "sale"),
            ("movies", "movie"),
            ("boxes", "box"),
            ("sold", "selling"),
        ] {
            assert_eq!(stem(one), stem(other));
        }
        assert_eq!(stem("status"), "status");
        assert!(is_plural("albums") && !is_plural("album") && !is_plural("gross"));
    }
}
