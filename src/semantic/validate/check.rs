//! All checks, in the order of the model.

use super::{datasets, metrics, names, saved, verified};
use crate::semantic::fault::{ModelError, Severity};
use crate::semantic::model::Model;

/// Everything that is wrong or doubtful. A model without an error compiles every query or refuses it with
/// a reason that is the query's own.
#[must_use]
pub fn check(model: &Model) -> Vec<ModelError> {
    let mut found = Vec::new();
    names::check(model, &mut found);
    datasets::check(model, &mut found);
    metrics::check(model, &mut found);
    header(model, &mut found);
    names::collisions(model, &mut found);
    // Nothing compiles over a broken model.
    if found.iter().all(|finding| finding.severity == Severity::Warning) {
        saved::check(model, &mut found);
        verified::check(model, &mut found);
    }
    found
}

fn header(model: &Model, found: &mut Vec<ModelError>) {
    let metrics = || model.metrics.iter().map(|metric| metric.name.as_str());
    let named = [("default_metric", &model.default_metric), ("popularity_metric", &model.popularity_metric)];
    for (key, name) in named {
        if let Some(name) = name.as_ref().filter(|name| model.metric(name).is_none()) {
            let message = format!("there is no metric `{name}`");
            let error = ModelError::error(format!("model.{key}"), "unknown_metric", message);
            found.push(error.suggesting(name, metrics()));
        }
    }
    for name in model.value_priority.iter().filter(|name| model.field(name).is_none()) {
        let fields = model.datasets.iter().flat_map(|d| &d.fields).map(|field| field.name.as_str());
        let message = format!("there is no field `{name}`");
        let error = ModelError::error("model.value_priority", "unknown_field", message);
        found.push(error.suggesting(name, fields));
    }
    if model.metrics.is_empty() {
        let message = "the model has no metric, so nothing can be asked";
        found.push(ModelError::error("metrics", "no_metrics", message).as_warning());
    }
}
