//! Rows to one value per group.

use super::engine::Engine;
use super::metric::{Compiler, VALUE};
use super::model::{Agg, Measure, Semi};
use super::names::Item;
use super::rows::Rows;
use super::rows::unsupported;
use crate::semantic::refusal::CompileError;

/// An aggregate call.
pub(super) fn call(agg: Agg, of: &str) -> Option<String> {
    Some(match agg {
        Agg::Sum => format!("SUM({of})"),
        Agg::Avg => format!("AVG({of})"),
        Agg::Min => format!("MIN({of})"),
        Agg::Max => format!("MAX({of})"),
        Agg::Count => format!("COUNT({of})"),
        Agg::CountDistinct => format!("COUNT(DISTINCT {of})"),
        Agg::SumBoolean => format!("SUM(CASE WHEN {of} THEN 1 ELSE 0 END)"),
        Agg::Percentile { .. } => return None,
    })
}

/// Aggregates rows by groups to a named result.
///
/// # Errors
/// When an expression cannot be used.
pub fn aggregate<'a>(
    compiler: &mut Compiler<'a>,
    rows: &mut Rows<'a>,
    measure: &Measure,
    groups: &[(Item, String)],
) -> Result<String, CompileError> {
    let engine = compiler.engine;
    let value = if measure.expr == "*" { "1".to_owned() } else { rows.column("s0", &measure.expr)? };
    let named: Vec<String> =
        groups.iter().map(|(item, sql)| format!("{sql} AS {}", engine.quoted(&item.column()))).collect();
    let direct = measure.semi.is_none();
    if direct && let Some(call) = call(measure.agg, &value) {
        let mut columns = named;
        columns.push(format!("{call} AS {VALUE}"));
        let sql = format!(
            "SELECT {} FROM {}{}{}",
            columns.join(", "),
            rows.from,
            rows.filtered(),
            by(groups.len())
        );
        return Ok(compiler.part(sql));
    }
    let mut columns = named;
    columns.push(format!("{value} AS {VALUE}"));
    if let Some(semi) = &measure.semi {
        columns.extend(edge(rows, semi, groups)?);
    }
    let mut inner =
        compiler.part(format!("SELECT {} FROM {}{}", columns.join(", "), rows.from, rows.filtered()));
    if measure.semi.is_some() {
        let mut kept: Vec<String> = groups.iter().map(|(item, _)| engine.quoted(&item.column())).collect();
        kept.push(VALUE.to_owned());
        inner =
            compiler.part(format!("SELECT {} FROM {inner} WHERE vanna_time = vanna_edge", kept.join(", ")));
    }
    let keys: Vec<String> =
        groups.iter().map(|(item, _)| format!("{inner}.{}", engine.quoted(&item.column()))).collect();
    let sql = match measure.agg {
        Agg::Percentile { at, discrete } => percentile(compiler, &inner, &keys, at, discrete),
        agg => {
            let call =
                call(agg, &format!("{inner}.{VALUE}")).ok_or_else(|| unsupported("not an aggregate"))?;
            let mut columns = keys.clone();
            columns.push(format!("{call} AS {VALUE}"));
            format!("SELECT {} FROM {inner}{}", columns.join(", "), by(keys.len()))
        }
    };
    Ok(compiler.part(sql))
}

pub(super) fn by(groups: usize) -> String {
    if groups == 0 {
        return String::new();
    }
    let numbers: Vec<String> = (1..=groups).map(|number| number.to_string()).collect();
    format!(" GROUP BY {}", numbers.join(", "))
}

/// The time of a row, and the one that counts among those of its kind.
fn edge(rows: &mut Rows<'_>, semi: &Semi, groups: &[(Item, String)]) -> Result<[String; 2], CompileError> {
    let source = rows.source.ok_or_else(|| unsupported("a spine has no such time"))?;
    let missing = || CompileError::broken(format!("there is no time dimension `{}`", semi.dim));
    let dim = source.dim(&semi.dim).ok_or_else(missing)?;
    let raw = rows.column("s0", &dim.expr)?;
    let time = match (rows.time_dim == Some(semi.dim.as_str()), &rows.time) {
        (true, Some(time)) => time.clone(),
        _ => rows.engine.trunc(dim.grain.unwrap_or(super::model::Unit::Day), &raw),
    };
    let mut keys = Vec::new();
    for name in &semi.groupings {
        let missing = || CompileError::broken(format!("there is no entity `{name}`"));
        let entity = source.entity(name).ok_or_else(missing)?;
        for expr in &entity.exprs {
            keys.push(rows.column("s0", expr)?);
        }
    }
    for (item, sql) in groups {
        let named = item.name == semi.dim && item.path.len() == 1 && source.is_under(&item.path.concat());
        if named || (rows.is_time(item) && rows.time_dim == Some(semi.dim.as_str())) {
            keys.push(sql.clone());
        }
    }
    let over = if keys.is_empty() { String::new() } else { format!("PARTITION BY {}", keys.join(", ")) };
    let pick = if semi.last { "MAX" } else { "MIN" };
    Ok([format!("{time} AS vanna_time"), format!("{pick}({time}) OVER ({over}) AS vanna_edge")])
}

fn percentile(compiler: &mut Compiler<'_>, inner: &str, keys: &[String], at: f64, discrete: bool) -> String {
    let mut columns = keys.to_vec();
    if matches!(compiler.engine, Engine::Postgres | Engine::DuckDb) {
        let function = if discrete { "PERCENTILE_DISC" } else { "PERCENTILE_CONT" };
        columns.push(format!("{function}({at:?}) WITHIN GROUP (ORDER BY {inner}.{VALUE}) AS {VALUE}"));
        return format!("SELECT {} FROM {inner}{}", columns.join(", "), by(keys.len()));
    }
    let over = if keys.is_empty() { String::new() } else { format!("PARTITION BY {} ", keys.join(", ")) };
    columns.push(format!("{inner}.{VALUE} AS {VALUE}"));
    columns.push(format!(
        "ROW_NUMBER() OVER ({over}ORDER BY {inner}.{VALUE} IS NULL, {inner}.{VALUE}) AS vanna_rank"
    ));
    columns.push(format!("COUNT({inner}.{VALUE}) OVER ({over}) AS vanna_count"));
    let ranked = compiler.part(format!("SELECT {} FROM {inner}", columns.join(", ")));
    let mut columns: Vec<String> = keys.iter().map(|key| key.replacen(inner, &ranked, 1)).collect();
    let place = format!("({at:?} * (vanna_count - 1))");
    let floor = match compiler.engine {
        Engine::MySql => format!("FLOOR({place})"),
        _ => format!("CAST({place} AS INTEGER)"),
    };
    columns.push(if discrete {
        format!("MIN(CASE WHEN vanna_rank >= {at:?} * vanna_count THEN {VALUE} END) AS {VALUE}")
    } else {
        format!(
            "SUM(CASE WHEN vanna_rank > vanna_count THEN NULL WHEN vanna_rank - 1 = {floor} THEN {VALUE} * (1 - ({place} - {floor})) WHEN vanna_rank - 1 = {floor} + 1 THEN {VALUE} * ({place} - {floor}) END) AS {VALUE}"
        )
    });
    format!("SELECT {} FROM {ranked}{}", columns.join(", "), by(keys.len()))
}
