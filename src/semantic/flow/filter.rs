//! Conditions: SQL with `{{ Dimension('a__b') }}` in it, parsed into an expression and what it names.

use super::model::{FlowModel, Grain};
use super::names::Item;
use super::scalar;
use crate::semantic::query::METRIC_TIME;
use crate::semantic::refusal::{Code, CompileError};
use sqlparser::ast::Expr;

/// A condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The expression; `vanna_call_0` and so on stand for the calls.
    pub expr: Expr,
    /// What it names.
    pub calls: Vec<Call>,
    /// Its text, equal for equal conditions.
    pub text: String,
}

/// Something that a condition names.
#[derive(Clone, Debug)]
pub enum Call {
    /// A field, an entity, or the time of metrics.
    Item(Item),
    /// A metric by entities.
    Metric {
        /// The metric.
        name: String,
        /// What it is grouped by.
        by: Vec<Item>,
    },
}

/// A call that names a field of one of our own models.
#[must_use]
pub fn quoted_call(field: &str) -> String {
    let kind = if field == METRIC_TIME { "TimeDimension" } else { "Dimension" };
    let grain = if field == METRIC_TIME { ", 'day'" } else { "" };
    format!("{{{{ {kind}('{}'{grain}) }}}}", field.replace('\'', " "))
}

pub(super) const CALL: &str = "vanna_call_";

fn bad(text: &str, why: &str) -> CompileError {
    CompileError::partial(Code::BadFilterValue, format!("the filter `{text}` cannot be used: {why}"))
}

impl Condition {
    /// Parses a template.
    ///
    /// # Errors
    /// `bad_filter_value` for a call that is not understood, `bad_query` for what is not a scalar condition.
    pub fn parse(model: &FlowModel, text: &str) -> Result<Self, CompileError> {
        let mut calls = Vec::new();
        let mut sql = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (call, after) = after.split_once("}}").ok_or_else(|| bad(text, "`}}` is missing"))?;
            sql.push_str(before);
            sql.push_str(&format!(" {CALL}{} ", calls.len()));
            calls.push(self::call(model, call.trim()).ok_or_else(|| bad(text, "a call is not understood"))?);
            rest = after;
        }
        sql.push_str(rest);
        if sql.contains("{%") || sql.contains("{#") {
            return Err(bad(text, "only calls in `{{ }}` are understood"));
        }
        Ok(Self { expr: scalar::parse(&sql)?, calls, text: text.to_owned() })
    }

    /// Parses several.
    ///
    /// # Errors
    /// As [`Condition::parse`].
    pub fn all(model: &FlowModel, texts: &[String]) -> Result<Vec<Self>, CompileError> {
        texts.iter().map(|text| Self::parse(model, text)).collect()
    }

    /// Whether it names the time of metrics.
    #[must_use]
    pub fn names_time(&self) -> bool {
        self.calls.iter().any(|call| matches!(call, Call::Item(item) if item.is_metric_time()))
    }

    /// Whether everything that it names, at some grain, is one of these.
    #[must_use]
    pub fn is_within(&self, groups: &[Item]) -> bool {
        self.calls.iter().all(|call| match call {
            Call::Item(item) => groups.iter().any(|group| {
                group == item || (item.grain.is_none() && item.part.is_none() && group.bare() == item.bare())
            }),
            Call::Metric { .. } => false,
        })
    }
}

/// Reads `Dimension('a__b', entity_path=['c']).grain('day')`, an item name in a group-by list too.
pub(super) fn call(model: &FlowModel, text: &str) -> Option<Call> {
    let (kind, rest) = text.split_once('(')?;
    let (arguments, mut chain) = closing(rest)?;
    let parts = arguments_of(arguments);
    let plain: Vec<&Vec<String>> =
        parts.iter().filter(|(key, _)| key.is_none()).map(|(_, value)| value).collect();
    let keyed =
        |wanted: &str| parts.iter().find(|(key, _)| key.as_deref() == Some(wanted)).map(|(_, value)| value);
    let name =
        plain.first().and_then(|value| value.first()).or_else(|| keyed("name").and_then(|v| v.first()))?;
    if kind.trim() == "Metric" {
        let by = plain.get(1).copied().or_else(|| keyed("group_by"))?;
        let by = by.iter().map(|item| Item::parse(model, item)).collect();
        return Some(Call::Metric { name: name.to_lowercase(), by });
    }
    if !["Dimension", "TimeDimension", "Entity"].contains(&kind.trim()) {
        return None;
    }
    let mut item = Item::parse(model, name);
    let path = keyed("entity_path").or_else(|| {
        if kind.trim() == "TimeDimension" { plain.get(2).copied() } else { plain.get(1).copied() }
    });
    if let Some(path) = path {
        item.path.splice(0..0, path.iter().flat_map(|step| step.split("__").map(str::to_owned)));
    }
    if kind.trim() == "TimeDimension" {
        let grain = plain
            .get(1)
            .and_then(|value| value.first())
            .or_else(|| keyed("time_granularity_name").and_then(|v| v.first()));
        if let Some(grain) = grain {
            item.grain = Some(model.grain(&grain.to_lowercase())?);
        }
        if let Some(part) = keyed("date_part_name").and_then(|value| value.first()) {
            item.part = Some(part.to_lowercase());
        }
    }
    while let Some(method) = chain.trim().strip_prefix('.') {
        let (method, rest) = method.split_once('(')?;
        let (arguments, after) = closing(rest)?;
        let value =
            arguments_of(arguments).into_iter().next().and_then(|(_, value)| value.into_iter().next());
        match (method.trim(), value) {
            ("grain", Some(grain)) => item.grain = Some(model.grain(&grain.to_lowercase())?),
            ("date_part", Some(part)) => item.part = Some(part.to_lowercase()),
            ("descending", _) => {}
            _ => return None,
        }
        chain = after;
    }
    chain.trim().is_empty().then_some(Call::Item(item))
}

/// Splits at the bracket that closes.
fn closing(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Arguments: a key if there is one, and the texts in the value.
fn arguments_of(text: &str) -> Vec<(Option<String>, Vec<String>)> {
    let mut arguments = Vec::new();
    let mut current = (None, Vec::new());
    let (mut word, mut used, mut depth, mut quote) = (String::new(), false, 0_i32, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => {
                current.1.push(std::mem::take(&mut word));
                quote = None;
            }
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => {
                word.clear();
                quote = Some(c);
                used = true;
            }
            (None, '=') => current.0 = Some(std::mem::take(&mut word).trim().to_owned()),
            (None, ',') if depth == 0 => {
                arguments.push(std::mem::take(&mut current));
                word.clear();
                used = false;
            }
            (None, '(' | '[') => {
                depth += 1;
                used = true;
            }
            (None, ')' | ']') => depth -= 1,
            (None, c) => word.push(c),
        }
    }
    if used || current.0.is_some() {
        arguments.push(current);
    }
    arguments
}

/// A grain by name.
///
/// # Errors
/// `bad_grain`.
pub fn grain(model: &FlowModel, name: &str) -> Result<Grain, CompileError> {
    let message = || format!("`{name}` is not a grain");
    model
        .grain(&name.to_lowercase())
        .ok_or_else(|| CompileError::partial(Code::BadGrain, message()).naming(name))
}
