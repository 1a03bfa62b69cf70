//! The part of a schema that fits: tables that a question speaks of first, then those that they meet.

use crate::catalog::{Catalog, Relation, RelationKind};
use std::collections::BTreeSet;

/// Bytes of text that count as one token.
const BYTES_PER_TOKEN: usize = 4;
/// Words that say nothing about tables.
const SHORT: usize = 3;

/// A part of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// One line a table.
    pub(super) text: String,
    /// The tables, in the order of their lines.
    pub(super) tables: Vec<String>,
    /// Tables that found no room.
    pub(super) left_out: usize,
}

/// As many tables as about so many tokens hold; the most fitting ones first.
pub(super) fn slice(catalog: &Catalog, question: &str, tokens: usize) -> Slice {
    let budget = tokens.saturating_mul(BYTES_PER_TOKEN);
    let mut slice = Slice { text: String::new(), tables: Vec::new(), left_out: 0 };
    for relation in ordered(catalog, question) {
        let line = describe(relation);
        if slice.text.len() + line.len() < budget {
            slice.text.push_str(&line);
            slice.text.push('\n');
            slice.tables.push(relation.name.clone());
        } else {
            slice.left_out += 1;
        }
    }
    slice
}

/// Tables that the question names, then their neighbours, then the rest; by name within each.
fn ordered<'c>(catalog: &'c Catalog, question: &str) -> Vec<&'c Relation> {
    let ranked = ranked(catalog, question);
    let named: BTreeSet<&str> =
        ranked.iter().filter(|(score, _)| *score > 0).map(|(_, relation)| relation.name.as_str()).collect();
    let meets = |relation: &Relation| {
        relation.references.iter().any(|reference| named.contains(reference.table.as_str()))
            || named.iter().any(|name| {
                let known = catalog.relation(name);
                known.is_some_and(|known| known.references.iter().any(|r| r.table == relation.name))
            })
    };
    let (mut first, rest): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|(score, _)| *score > 0);
    let (neighbours, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, r)| meets(r));
    first.extend(neighbours);
    first.extend(others);
    first.into_iter().map(|(_, relation)| relation).collect()
}

/// All tables with how many words of a text they share, the best first.
pub fn ranked<'c>(catalog: &'c Catalog, text: &str) -> Vec<(usize, &'c Relation)> {
    let asked = words(text);
    let mut ranked: Vec<(usize, &Relation)> = catalog
        .relations()
        .map(|relation| {
            let name = shared(&words(&relation.name), &asked) * 3;
            let columns = relation.columns.iter().map(|column| shared(&words(&column.name), &asked));
            (name + columns.sum::<usize>(), relation)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    ranked
}

/// A table in one line: columns with types, keys and some values, and what it points at.
pub fn describe(relation: &Relation) -> String {
    let columns: Vec<String> = relation
        .columns
        .iter()
        .map(|column| {
            let key = if column.key_place > 0 { " key" } else { "" };
            let kind =
                if column.declared.is_empty() { String::new() } else { format!(" {}", column.declared) };
            let such = match column.sample.as_slice() {
                [] => String::new(),
                values => format!(" such as '{}'", values.join("', '")),
            };
            format!("{}{kind}{key}{such}", column.name)
        })
        .collect();
    let references: Vec<String> = relation
        .references
        .iter()
        .map(|reference| {
            let own: Vec<&str> = reference.columns.iter().map(|(own, _)| own.as_str()).collect();
            format!("{} -> {}", own.join("+"), reference.table)
        })
        .collect();
    let kind = if relation.kind == RelationKind::View { "view " } else { "" };
    let points = if references.is_empty() { String::new() } else { format!(" [{}]", references.join(", ")) };
    format!("{kind}{}({}){points}", relation.name, columns.join(", "))
}

/// Words of a text or of a name, in lower case and without a plural ending.
fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let mut before = ' ';
    for letter in text.chars().chain([' ']) {
        // invoiceLine, InvoiceLine and invoice_line are two words each.
        let begins = letter.is_uppercase() && before.is_lowercase();
        if (begins || !letter.is_alphanumeric()) && !word.is_empty() {
            words.insert(singular(std::mem::take(&mut word)));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| word.len() >= SHORT);
    words
}

fn singular(word: String) -> String {
    match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => {
            word.strip_suffix('s').filter(|stem| !stem.ends_with('s')).map_or(word.clone(), str::to_owned)
        }
    }
}

fn shared(a: &BTreeSet<String>, b: &BTreeSet<String>) -> usize {
    a.intersection(b).count()
}
