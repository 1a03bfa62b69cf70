//! `vanna semantic import`, `export` and `validate`: models as files, whatever they were written in.

use super::args::{SemanticExport, SemanticImport, SemanticValidate};
use super::failure::CliError;
use crate::sample;
use crate::semantic::fault::{ModelError, Severity};
use crate::semantic::flow::detect::{self, Imported};
use crate::semantic::flow::{findings, native, osi, vocabulary, written};
use crate::semantic::load::{self, Loaded};
use crate::semantic::model::{MetricKind, Model};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

pub(super) fn import(arguments: &SemanticImport) -> Result<(), CliError> {
    let imported = read(&arguments.file)?;
    for finding in &findings_of(&imported, &arguments.file) {
        writeln!(io::stderr(), "{}", told(finding))?;
    }
    let out = &mut io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", pretty(&written::json(&imported)))?;
    } else {
        write!(out, "{}", written::yaml(&imported).map_err(CliError::run)?)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Imported, CliError> {
    let unknown = || {
        CliError::input(format!(
            "{}: not a model of MetricFlow, Snowflake or Open Semantic Interchange; a model of ours needs no import",
            path.display()
        ))
    };
    match detect::load(path) {
        Ok(found) => found.ok_or_else(unknown),
        Err(why) => {
            let error = ModelError::error("", "not_understood", why);
            Err(CliError::input(findings::placed(error, &findings::texts(path))))
        }
    }
}

pub(super) fn export(arguments: &SemanticExport) -> Result<(), CliError> {
    let imported = match &arguments.model {
        Some(path) => detect::load(path).map_err(CliError::input)?,
        None => None,
    };
    let (document, names) = match imported {
        Some(imported) => {
            let metrics = imported.model.metrics.iter().filter(|metric| !metric.inner);
            (osi::export(&imported), metrics.map(|metric| metric.name.clone()).collect::<Vec<_>>())
        }
        None => {
            let loaded = loaded(arguments.model.as_deref()).map_err(|all| CliError::input(lines(&all)))?;
            let metrics = loaded.model.metrics.iter();
            (native::osi(&loaded.model), metrics.map(|metric| metric.name.clone()).collect())
        }
    };
    let said = document.pointer("/semantic_model/0/metrics").and_then(Value::as_array);
    let said: Vec<&str> = said.into_iter().flatten().filter_map(|one| one.get("name")?.as_str()).collect();
    for name in names.iter().filter(|name| !said.contains(&name.as_str())) {
        writeln!(io::stderr(), "warning: metrics[{name}]: the format has no words for it [not_expressible]")?;
    }
    let out = &mut io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", pretty(&document))?;
    } else {
        write!(out, "{}", serde_saphyr::to_string(&document).map_err(CliError::run)?)?;
    }
    Ok(())
}

fn loaded(path: Option<&Path>) -> Result<Loaded, Vec<ModelError>> {
    match path {
        Some(path) => load::load_path(path),
        None => load::load_str(sample::MODEL, "chinook.yaml"),
    }
}

pub(super) fn validate(arguments: &SemanticValidate) -> Result<(), CliError> {
    let imported = arguments.model.as_deref().and_then(|path| detect::load(path).ok().flatten());
    let (model, findings) = match (imported, arguments.model.as_deref()) {
        (Some(imported), Some(path)) => {
            let findings = findings_of(&imported, path);
            (Some(vocabulary::model(imported)), findings)
        }
        (_, path) => match loaded(path) {
            Ok(loaded) => (Some(loaded.model), loaded.warnings),
            Err(errors) => (None, errors),
        },
    };
    let valid = model.is_some() && findings.iter().all(|finding| finding.severity != Severity::Error);
    let out = &mut io::stdout().lock();
    if arguments.json {
        let understood = model.as_ref().map(summary);
        writeln!(out, "{}", json!({"valid": valid, "understood": understood, "findings": findings}))?;
    } else {
        for finding in &findings {
            writeln!(out, "{}", told(finding))?;
        }
        if let Some(model) = &model {
            print(out, &summary(model))?;
        }
        writeln!(out, "{}", if valid { "valid" } else { "not valid" })?;
    }
    if valid { Ok(()) } else { Err(CliError::said_no()) }
}

fn findings_of(imported: &Imported, path: &Path) -> Vec<ModelError> {
    let texts = findings::texts(path);
    findings::of(imported).into_iter().map(|finding| findings::placed(finding, &texts)).collect()
}

fn told(finding: &ModelError) -> String {
    match finding.severity {
        Severity::Error => format!("error: {finding}"),
        Severity::Warning => format!("warning: {finding}"),
    }
}

fn lines(findings: &[ModelError]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What was understood, in numbers and names.
fn summary(model: &Model) -> Value {
    let format = model.imported.as_ref().map_or("vanna", |imported| imported.format.name());
    let mut metrics: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for metric in &model.metrics {
        let kind = match &metric.kind {
            MetricKind::Simple { .. } => "simple",
            MetricKind::Ratio { .. } => "ratio",
            MetricKind::Derived { .. } => "derived",
            MetricKind::Cumulative { .. } => "cumulative",
        };
        metrics.entry(kind).or_default().push(&metric.name);
    }
    let fields: BTreeMap<&str, Vec<&str>> = model
        .datasets
        .iter()
        .map(|dataset| {
            (dataset.name.as_str(), dataset.fields.iter().map(|field| field.name.as_str()).collect())
        })
        .collect();
    json!({"format": format, "name": model.name, "hash": model.hash, "datasets": fields, "metrics": metrics})
}

fn print(out: &mut impl Write, summary: &Value) -> io::Result<()> {
    writeln!(out, "format {}", summary.get("format").and_then(Value::as_str).unwrap_or_default())?;
    for part in ["datasets", "metrics"] {
        for (name, items) in summary.get(part).and_then(Value::as_object).into_iter().flatten() {
            let items: Vec<&str> = items.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            writeln!(out, "{part} {name}: {} ({})", items.len(), items.join(", "))?;
        }
    }
    Ok(())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
