//! Verbs that name a time of the model: "registered", where there is a field `registered_on`.

use super::build::Draft;
use crate::semantic::model::{FieldKind, MetricKind, Model};
use std::collections::BTreeSet;

/// Deepest nesting of metrics.
const DEEPEST: usize = 8;

/// What a time field says was done: "borrowed" of `borrowed_on`.
pub(super) fn verb(field: &str) -> Option<&str> {
    let verb = ["_on", "_at", "_date"].iter().find_map(|ending| field.strip_suffix(ending))?;
    (verb.ends_with("ed") && !verb.contains('_')).then_some(verb)
}

/// A field's name without its dataset or path.
fn own_name(field: &str) -> &str {
    let name = field.rsplit_once('.').map_or(field, |(_, name)| name);
    name.rsplit_once("__").map_or(name, |(_, name)| name)
}

fn times<'a>(model: &'a Model, metric: &str, depth: usize, found: &mut BTreeSet<&'a str>) {
    let Some(metric) = model.metric(metric).filter(|_| depth < DEEPEST) else { return };
    let parts: Vec<&String> = match &metric.kind {
        MetricKind::Simple { time, .. } => {
            found.extend(time.as_deref().map(own_name));
            return;
        }
        MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
        MetricKind::Derived { inputs, .. } => inputs.iter().map(|input| &input.metric).collect(),
        MetricKind::Cumulative { metric, .. } => vec![metric],
    };
    for part in parts {
        times(model, part, depth + 1, found);
    }
}

impl Draft<'_> {
    /// "visits of patients registered in 2023": a period beside the verb of another time than the metrics' own may be
    /// of either.
    pub(super) fn other_times(&mut self) {
        if self.facts.times.spans.is_empty() || self.metrics.is_empty() {
            return;
        }
        let lexicon = self.lexicon();
        let model = &*lexicon.model;
        let mut own = BTreeSet::new();
        for metric in self.metrics.iter().filter_map(|place| lexicon.metric(*place)) {
            times(model, &metric.name, 0, &mut own);
        }
        let read = |at: usize| self.sentence.items.iter().any(|item| (item.from..item.to).contains(&at));
        let said: BTreeSet<&str> = self
            .sentence
            .tokens
            .iter()
            .enumerate()
            .filter(|(at, _)| !read(*at))
            .map(|(_, token)| token.text.as_str())
            .collect();
        let fields = model.datasets.iter().flat_map(|dataset| &dataset.fields);
        let named = fields
            .filter(|field| field.kind == FieldKind::Time)
            .filter(|field| verb(own_name(&field.name)).is_some_and(|verb| said.contains(verb)));
        let names: Vec<String> = named.map(|field| field.name.clone()).collect();
        if names.iter().any(|name| own.contains(own_name(name))) || names.is_empty() {
            return;
        }
        let all = own.into_iter().map(str::to_owned).chain(names);
        self.choices.get_or_insert_default().extend(all);
    }
}
