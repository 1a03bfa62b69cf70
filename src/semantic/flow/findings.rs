//! What is wrong or doubtful in an imported model, told with file, line and place.

use super::compile::compile;
use super::detect::Imported;
use super::engine::Engine;
use super::model::EntityKind;
use crate::semantic::fault::ModelError;
use crate::semantic::query::METRIC_TIME;
use serde_json::json;
use std::path::Path;

/// Most findings of one model.
const MOST: usize = 200;

/// Everything that was found: metrics that cannot be computed, fields that nothing reaches, keys that join
/// nothing, names that are given twice, and what is kept without an effect.
#[must_use]
pub fn of(imported: &Imported) -> Vec<ModelError> {
    let mut found = twice(imported);
    found.extend(metrics(imported));
    found.extend(keys(imported));
    let inert = imported.kept.iter().map(|kept| {
        let message = "kept, but without an effect";
        ModelError::error(kept.path(), "kept_inert", message).as_warning()
    });
    found.extend(inert);
    found.truncate(MOST);
    found
}

fn twice(imported: &Imported) -> Vec<ModelError> {
    let model = &imported.model;
    let sources = model.sources.iter().map(|source| ("datasets", source.name.as_str()));
    let metrics = model.metrics.iter().map(|metric| ("metrics", metric.name.as_str()));
    let all: Vec<(&str, &str)> = sources.chain(metrics).collect();
    let again = all.iter().enumerate().filter(|(at, one)| all.iter().take(*at).any(|before| before == *one));
    again
        .map(|(_, (kind, name))| {
            let message = format!("`{name}` is given twice; the first is used");
            ModelError::error(format!("{kind}[{name}]"), "duplicate_name", message).as_warning()
        })
        .collect()
}

fn metrics(imported: &Imported) -> Vec<ModelError> {
    let model = &imported.model;
    let mut found = Vec::new();
    for metric in model.metrics.iter().filter(|metric| !metric.inner) {
        let path = format!("metrics[{}]", metric.name);
        let by_time = super::vocabulary::needs_grain(model, &metric.name);
        let dimensions = if by_time { vec![METRIC_TIME] } else { Vec::new() };
        let query = json!({"metrics": [metric.name], "dimensions": dimensions});
        if let Err(refusal) = compile(model, &query, Engine::DuckDb) {
            let mut error = ModelError::error(path, refusal.code.text(), refusal.message);
            error.suggestion = refusal.suggestions.into_iter().next();
            found.push(error);
        } else if super::vocabulary::leaves(model, metric, 0).iter().any(|leaf| leaf.time.is_none()) {
            let message = "has no time, so it cannot be asked for by period";
            found.push(ModelError::error(path, "no_time", message).as_warning());
        }
    }
    found
}

fn keys(imported: &Imported) -> Vec<ModelError> {
    let sources = &imported.model.sources;
    let mut found = Vec::new();
    for source in sources {
        for entity in source.entities.iter().filter(|entity| entity.kind == EntityKind::Foreign) {
            let met = sources.iter().any(|other| {
                other.name != source.name
                    && other.entity(&entity.name).is_some_and(|far| far.kind != EntityKind::Foreign)
            });
            if !met {
                let known = sources.iter().filter(|other| other.name != source.name);
                let known = known.flat_map(|other| &other.entities).map(|key| key.name.as_str());
                let path = format!("datasets[{}].entities[{}]", source.name, entity.name);
                let message =
                    format!("`{}` is the key of no other dataset, so it joins nothing", entity.name);
                let error = ModelError::error(path, "joins_nothing", message).as_warning();
                found.push(error.suggesting(&entity.name, known));
            }
        }
    }
    found
}

/// Gives a finding the file and line where the name that it is about is given: the last one in brackets on its
/// path, else the last one between backticks in its text.
#[must_use]
pub fn placed(mut error: ModelError, files: &[(String, String)]) -> ModelError {
    let of_path = error.path.rsplit_once('[').and_then(|(_, rest)| rest.split(']').next());
    let step = error.path.rsplit('.').find(|step| step.parse::<usize>().is_err());
    let quoted: Vec<&str> = error.message.split('`').skip(1).step_by(2).collect();
    let names: Vec<&str> =
        of_path.into_iter().chain(quoted).chain(step.filter(|step| !step.is_empty())).collect();
    for name in names {
        for (file, text) in files {
            let line = text.lines().position(|line| gives(line, name));
            if let Some(line) = line {
                error.file.clone_from(file);
                error.line = u32::try_from(line + 1).ok();
                return error;
            }
        }
    }
    if let [(file, _)] = files {
        error.file.clone_from(file);
    }
    error
}

/// Whether a line of YAML or JSON gives something this name, or is the key of this name.
fn gives(line: &str, name: &str) -> bool {
    let plain = line.replace(['"', '\''], "");
    let plain = plain.trim().trim_start_matches("- ").trim_start_matches('{').trim_start();
    let value = plain.strip_prefix("name:").map(|rest| {
        let rest = rest.trim_start();
        rest.split([',', '}']).next().unwrap_or(rest).trim()
    });
    value == Some(name) || plain.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
}

/// The texts of a file or folder, to find lines in.
#[must_use]
pub fn texts(path: &Path) -> Vec<(String, String)> {
    let files = super::detect::files(path).unwrap_or_default();
    let read = files.into_iter().filter_map(|file| {
        let text = std::fs::read_to_string(&file).ok()?;
        Some((file.display().to_string(), text))
    });
    read.collect()
}
