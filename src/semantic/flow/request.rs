//! A semantic query as JSON, with its names looked up in the model.

use super::filter::{self, Call, Condition};
use super::manifest::{filters, list, text};
use super::model::{FlowModel, Unit};
use super::names::Item;
use crate::semantic::query::METRIC_TIME;
use crate::semantic::refusal::{Code, CompileError};
use jiff::civil::Date;
use serde_json::Value;

/// Most of anything in one query.
const MOST: usize = 64;

/// A query.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// What to measure.
    pub metrics: Vec<String>,
    /// What to group by.
    pub groups: Vec<Item>,
    /// Conditions on rows.
    pub conditions: Vec<Condition>,
    /// Conditions on the values of metrics: the metric, and SQL with `vanna_call_0` for it.
    pub having: Vec<(String, String)>,
    /// First and last day.
    pub range: (Option<Date>, Option<Date>),
    /// Columns to order by, and whether downwards.
    pub order: Vec<(String, bool)>,
    /// Rows at most.
    pub limit: Option<u64>,
    /// Whether only the smallest and largest value of the one dimension is wanted.
    pub min_max: bool,
}

fn bad(message: impl Into<String>) -> CompileError {
    CompileError::missing(Code::BadQuery, format!("not a semantic query: {}", message.into()))
}

const KEYS: [&str; 12] = [
    "metrics",
    "metric",
    "dimensions",
    "filters",
    "time_grain",
    "time_range",
    "order_by",
    "limit",
    "saved_query",
    "min_max_only",
    "apply_group_by",
    "group_by",
];

/// Reads a query.
///
/// # Errors
/// What is not understood, by code.
pub fn request(model: &FlowModel, query: &Value) -> Result<Request, CompileError> {
    let object = query.as_object().ok_or_else(|| bad("it is not a JSON object"))?;
    if let Some(key) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(bad(format!("`{key}` is not a key of it")));
    }
    let mut read = Request::default();
    if let Some(name) = text(query, "saved_query") {
        saved(model, &name, &mut read)?;
    }
    metrics(query, &mut read)?;
    let grain = text(query, "time_grain").map(|grain| filter::grain(model, &grain)).transpose()?;
    for dimension in list(query, "dimensions").chain(list(query, "group_by")) {
        let mut item = group(model, dimension)?;
        if item.is_metric_time() && item.grain.is_none() && item.part.is_none() {
            item.grain.clone_from(&grain);
        }
        read.groups.push(item);
    }
    if let Some(grain) = grain
        && !read.groups.iter().any(Item::is_metric_time)
    {
        let name = METRIC_TIME.to_owned();
        read.groups.insert(0, Item { path: Vec::new(), name, grain: Some(grain), part: None });
    }
    for condition in list(query, "filters") {
        condition_of(model, condition, &mut read)?;
    }
    if let Some(range) = query.get("time_range").filter(|range| !range.is_null()) {
        read.range = (day(range, "start")?, day(range, "end")?);
        if matches!(read.range, (Some(start), Some(end)) if start > end) {
            return Err(CompileError::partial(Code::BadTimeRange, "the time range ends before it starts"));
        }
    }
    for key in list(query, "order_by") {
        read.order.push(order(key)?);
    }
    if let Some(limit) = query.get("limit").filter(|limit| !limit.is_null()) {
        let message = || CompileError::partial(Code::BadLimit, "the limit must be a whole number from 0");
        read.limit = Some(limit.as_u64().filter(|limit| i64::try_from(*limit).is_ok()).ok_or_else(message)?);
    }
    read.min_max = query.get("min_max_only").and_then(Value::as_bool).unwrap_or_default();
    check(&read)?;
    Ok(read)
}

fn check(read: &Request) -> Result<(), CompileError> {
    let sizes = [read.metrics.len(), read.groups.len(), read.conditions.len(), read.order.len()];
    if sizes.iter().any(|size| *size > MOST) {
        return Err(CompileError::partial(
            Code::TooLarge,
            format!("more than {MOST} of one kind in the query"),
        ));
    }
    if read.metrics.is_empty() && read.groups.is_empty() {
        return Err(CompileError::missing(Code::NoMetric, "the query asks for no metric and no dimension"));
    }
    for (at, metric) in read.metrics.iter().enumerate() {
        if read.metrics.iter().take(at).any(|earlier| earlier == metric) {
            let message = format!("`{metric}` is asked for twice");
            return Err(CompileError::partial(Code::DuplicateMetric, message).naming(metric.clone()));
        }
    }
    Ok(())
}

fn metrics(query: &Value, read: &mut Request) -> Result<(), CompileError> {
    for metric in
        query.get("metric").into_iter().chain(list(query, "metrics")).filter(|metric| !metric.is_null())
    {
        let name = metric.as_str().map(str::to_owned).or_else(|| text(metric, "name"));
        read.metrics.push(name.ok_or_else(|| bad("a metric is named by text"))?);
    }
    Ok(())
}

fn group(model: &FlowModel, value: &Value) -> Result<Item, CompileError> {
    if let Some(name) = value.as_str() {
        return match filter::call(model, name) {
            Some(Call::Item(item)) => Ok(item),
            _ => Ok(Item::parse(model, name)),
        };
    }
    let name = text(value, "name").ok_or_else(|| bad("a dimension is named by text or by `name`"))?;
    let mut item = Item::parse(model, &name);
    if let Some(grain) = text(value, "grain") {
        item.grain = Some(filter::grain(model, &grain)?);
    }
    if let Some(part) = text(value, "date_part") {
        item.part = Some(part.to_lowercase());
    }
    Ok(item)
}

fn saved(model: &FlowModel, name: &str, read: &mut Request) -> Result<(), CompileError> {
    let unknown =
        || CompileError::missing(Code::BadQuery, format!("there is no saved query `{name}`")).naming(name);
    let (_, saved) = model.saved.iter().find(|(known, _)| known == name).ok_or_else(unknown)?;
    let params = saved.get("query_params").unwrap_or(saved);
    metrics(params, read)?;
    for item in list(params, "group_by") {
        read.groups.push(group(model, item)?);
    }
    for text in filters(params.get("where")) {
        read.conditions.push(Condition::parse(model, &text)?);
    }
    for key in list(params, "order_by").filter_map(Value::as_str) {
        let descending = key.contains(".descending(True)") || key.contains(".descending(true)");
        let column = match filter::call(model, key) {
            Some(Call::Item(item)) => item.column(),
            _ => key.split(['\'', '"']).nth(1).unwrap_or(key).to_owned(),
        };
        read.order.push((column, descending));
    }
    read.limit = params.get("limit").and_then(Value::as_u64);
    Ok(())
}

fn day(range: &Value, key: &str) -> Result<Option<Date>, CompileError> {
    let Some(text) = text(range, key) else { return Ok(None) };
    let day = text.get(..10).unwrap_or(&text).parse();
    day.map(Some).map_err(|_| {
        CompileError::partial(Code::BadTimeRange, format!("`{text}` is not a day; write YYYY-MM-DD"))
    })
}

fn order(key: &Value) -> Result<(String, bool), CompileError> {
    if let Some(name) = key.as_str() {
        let plain = name.strip_prefix('-');
        return Ok((plain.unwrap_or(name).to_owned(), plain.is_some()));
    }
    let field = text(key, "field").ok_or_else(|| bad("a key of the order has no `field`"))?;
    match text(key, "direction").unwrap_or_default().to_lowercase().as_str() {
        "" | "asc" => Ok((field, false)),
        "desc" => Ok((field, true)),
        other => Err(bad(format!("`{other}` is not a direction"))),
    }
}

fn literal(value: &Value) -> Result<String, CompileError> {
    match value {
        Value::String(text) => Ok(format!("'{}'", text.replace('\0', "").replace('\'', "''"))),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(CompileError::partial(
            Code::BadFilterValue,
            "a filter compares with text, numbers and truth values",
        )),
    }
}

/// A comparison of `{{call}}` with values, as SQL that is parsed again.
///
/// # Errors
/// `bad_filter_value` or `bad_op`.
pub fn comparison(of: &str, op: &str, value: &Value) -> Result<String, CompileError> {
    let wrong = || CompileError::partial(Code::BadFilterValue, format!("the value does not fit `{op}`"));
    let many = || -> Result<Vec<String>, CompileError> {
        let items =
            value.as_array().filter(|items| !items.is_empty() && items.len() <= 10_000).ok_or_else(wrong)?;
        items.iter().map(literal).collect()
    };
    Ok(match op {
        "=" | "!=" | ">" | ">=" | "<" | "<=" => {
            let op = if op == "!=" { "<>" } else { op };
            format!("{of} {op} {}", literal(value)?)
        }
        "in" => format!("{of} IN ({})", many()?.join(", ")),
        "not_in" => format!("{of} NOT IN ({})", many()?.join(", ")),
        "between" => match many()?.as_slice() {
            [low, high] => format!("{of} BETWEEN {low} AND {high}"),
            _ => return Err(wrong()),
        },
        "contains" => {
            let part = value.as_str().ok_or_else(wrong)?;
            let part = part.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            format!("{of} LIKE {} ESCAPE '!'", literal(&Value::String(format!("%{part}%")))?)
        }
        "is_null" => format!("{of} IS NULL"),
        "not_null" => format!("{of} IS NOT NULL"),
        other => return Err(CompileError::partial(Code::BadOp, format!("`{other}` is not a comparison"))),
    })
}

fn condition_of(model: &FlowModel, value: &Value, read: &mut Request) -> Result<(), CompileError> {
    let template = value.as_str().map(str::to_owned).or_else(|| text(value, "sql"));
    if let Some(template) = template {
        read.conditions.push(Condition::parse(model, &template)?);
        return Ok(());
    }
    let field = text(value, "field").ok_or_else(|| bad("a filter has neither `sql` nor `field`"))?;
    let op = text(value, "op").ok_or_else(|| bad("a filter has no `op`"))?;
    let sql = comparison(&format!("{}0", filter::CALL), &op, value.get("value").unwrap_or(&Value::Null))?;
    if model.metric(&field).is_some() {
        read.having.push((field, sql));
        return Ok(());
    }
    let item = Item::parse(model, &field);
    read.conditions.push(Condition {
        expr: super::scalar::parse(&sql)?,
        calls: vec![Call::Item(item)],
        text: format!("{field} {sql}"),
    });
    Ok(())
}

/// The start of the period of a day, and the start of the next.
#[must_use]
pub fn period(day: Date, unit: Unit) -> Option<(Date, Date)> {
    use jiff::ToSpan;
    let (start, step) = match unit {
        Unit::Week => {
            let back = i64::from(day.weekday().to_monday_zero_offset());
            (day.checked_sub(back.days()).ok()?, 7.days())
        }
        Unit::Month => (day.first_of_month(), 1.month()),
        Unit::Quarter => {
            let month = (day.month() - 1) / 3 * 3 + 1;
            (Date::new(day.year(), month, 1).ok()?, 3.months())
        }
        Unit::Year => (day.first_of_year(), 1.year()),
        _ => (day, 1.day()),
    };
    Some((start, start.checked_add(step).ok()?))
}
