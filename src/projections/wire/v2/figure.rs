//! Pictures as version 2 shows them: traces and a layout, which a page draws with Plotly.js.

use super::component::{Piece, escaped};
use super::table::value;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use vanna_actors::events::{ChartProposed, Mark};
use vanna_actors::ports::sql::{ResultSet, Value};
use vanna_actors::ports::tools::{Picture, PictureKind};

/// Colours of traces, in turn.
const COLOURS: [&str; 4] = ["#15a8a8", "#fe5d26", "#bf1363", "#023d60"];

/// The picture that the answer itself proposes.
pub(super) fn proposed(id: String, proposed: &ChartProposed, result: &ResultSet) -> Option<Piece> {
    let kind = match proposed.mark {
        Mark::Line => PictureKind::Line,
        Mark::Bar => PictureKind::Bar,
    };
    let picture = Picture { kind, columns: vec![proposed.x.clone(), proposed.y.clone()] };
    drawn(id, &picture, Some(&proposed.title), "", result)
}

/// A result as it is drawn; nothing when its columns are not those of the picture.
pub(super) fn drawn(
    id: String,
    picture: &Picture,
    title: Option<&str>,
    file: &str,
    result: &ResultSet,
) -> Option<Piece> {
    let names: Vec<&str> = picture.columns.iter().map(String::as_str).collect();
    let columns = names.iter().map(|name| column(result, name)).collect::<Option<Vec<_>>>()?;
    let traces = traces(picture.kind, &names, &columns, result)?;
    let title = title.map(escaped);
    let layout = layout(picture.kind, &names, title.as_deref());
    let (rows, width) = (result.rows.len(), result.columns.len());
    let data = [
        ("data", Json::Array(traces)),
        ("layout", layout),
        ("chart_type", json!("plotly")),
        ("title", json!(title)),
        ("width", Json::Null),
        ("height", Json::Null),
        ("config", json!({"data_shape": {"rows": rows, "columns": width}, "source_file": file})),
    ];
    let said = format!("Created visualization from '{file}' ({rows} rows, {width} columns).");
    Some(Piece::new(id, "chart", data).said(said))
}

fn column<'a>(result: &'a ResultSet, name: &str) -> Option<Vec<&'a Value>> {
    let place = result.columns.iter().position(|column| column.name == name)?;
    result.rows.iter().map(|row| row.get(place)).collect()
}

fn traces(
    kind: PictureKind,
    names: &[&str],
    columns: &[Vec<&Value>],
    result: &ResultSet,
) -> Option<Vec<Json>> {
    match (kind, columns) {
        (PictureKind::Line, [x, y, ..]) => {
            let mut trace = pair("scatter", names, all(x), all(y));
            set(&mut trace, "mode", json!("lines"));
            Some(vec![trace])
        }
        (PictureKind::Scatter, [x, y, ..]) => {
            let mut trace = pair("scatter", names, all(x), all(y));
            set(&mut trace, "mode", json!("markers"));
            Some(vec![trace])
        }
        (PictureKind::Bar, [x, y, ..]) => {
            let (x, y) = sums(x, y);
            let mut trace = pair("bar", names, x, y);
            set(&mut trace, "orientation", json!("v"));
            set(&mut trace, "textposition", json!("auto"));
            Some(vec![trace])
        }
        (PictureKind::Histogram, [x, ..]) => {
            let mut trace = base("histogram", COLOURS[0]);
            set(&mut trace, "x", all(x));
            Some(vec![trace])
        }
        (PictureKind::GroupedBar, [x, group, ..]) => Some(groups(names, x, group)),
        (PictureKind::HeatMap, columns) if columns.len() > 1 => Some(vec![correlations(names, columns)]),
        (PictureKind::Table, _) => Some(vec![whole_table(result)]),
        _ => None,
    }
}

fn all(column: &[&Value]) -> Json {
    column.iter().map(|cell| value(cell)).collect()
}

fn base(kind: &str, colour: &str) -> Json {
    json!({"type": kind, "name": "", "showlegend": false, "marker": {"color": colour}})
}

fn set(trace: &mut Json, key: &str, value: Json) {
    if let Some(object) = trace.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn pair(kind: &str, names: &[&str], x: Json, y: Json) -> Json {
    let mut trace = base(kind, COLOURS[1]);
    if let [x_name, y_name, ..] = names {
        let (x_name, y_name) = (escaped(x_name), escaped(y_name));
        set(&mut trace, "hovertemplate", json!(format!("{x_name}=%{{x}}<br>{y_name}=%{{y}}<extra></extra>")));
    }
    set(&mut trace, "x", x);
    set(&mut trace, "y", y);
    set(&mut trace, "xaxis", json!("x"));
    set(&mut trace, "yaxis", json!("y"));
    trace
}

/// One value for each text, in the order in which texts come; where none repeats, as they are.
fn sums(x: &[&Value], y: &[&Value]) -> (Json, Json) {
    let mut order: Vec<String> = Vec::new();
    let mut totals: BTreeMap<String, f64> = BTreeMap::new();
    for (name, number) in x.iter().zip(y) {
        let name = plain(name);
        if !totals.contains_key(&name) {
            order.push(name.clone());
        }
        *totals.entry(name).or_default() += number_of(number).unwrap_or(0.0);
    }
    if order.len() == x.len() {
        return (all(x), all(y));
    }
    let sums = order.iter().map(|name| json!(totals.get(name))).collect();
    (json!(order), sums)
}

fn groups(names: &[&str], x: &[&Value], group: &[&Value]) -> Vec<Json> {
    let mut order: Vec<String> = Vec::new();
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut within: Vec<String> = Vec::new();
    for (name, other) in x.iter().zip(group) {
        let (name, other) = (plain(name), plain(other));
        if !order.contains(&name) {
            order.push(name.clone());
        }
        if !within.contains(&other) {
            within.push(other.clone());
        }
        *counts.entry((name, other)).or_default() += 1;
    }
    let trace = |(colour, other): (&&str, &String)| {
        let count = |name: &String| counts.get(&(name.clone(), other.clone())).copied().unwrap_or(0);
        let mut trace = pair("bar", names, json!(order), order.iter().map(count).map(Json::from).collect());
        set(&mut trace, "name", json!(escaped(other)));
        set(&mut trace, "showlegend", json!(true));
        set(&mut trace, "marker", json!({"color": colour}));
        trace
    };
    COLOURS.iter().cycle().zip(&within).map(trace).collect()
}

fn correlations(names: &[&str], columns: &[Vec<&Value>]) -> Json {
    let numbers: Vec<Vec<f64>> =
        columns.iter().map(|column| column.iter().filter_map(|cell| number_of(cell)).collect()).collect();
    let row = |one: &Vec<f64>| numbers.iter().map(|other| json!(correlation(one, other))).collect::<Json>();
    let z: Json = numbers.iter().map(row).collect();
    let names: Vec<String> = names.iter().map(|name| escaped(name)).collect();
    json!({"type": "heatmap", "x": names, "y": names, "z": z, "coloraxis": "coloraxis"})
}

#[expect(clippy::cast_precision_loss, reason = "there are never 2^53 rows")]
fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let count = one.len() as f64;
    if one.len() != other.len() || one.len() < 2 {
        return None;
    }
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / count;
    let (a, b) = (mean(one), mean(other));
    let together: f64 = one.iter().zip(other).map(|(x, y)| (x - a) * (y - b)).sum();
    let spread = |numbers: &[f64], mean: f64| numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    let both = (spread(one, a) * spread(other, b)).sqrt();
    (both > 0.0).then(|| together / both)
}

fn whole_table(result: &ResultSet) -> Json {
    let header: Vec<String> = result.columns.iter().map(|column| escaped(&column.name)).collect();
    let cells: Vec<Json> = (0..result.columns.len())
        .map(|place| result.rows.iter().filter_map(|row| row.get(place)).map(value).collect())
        .collect();
    json!({"type": "table", "header": {"values": header, "align": "left"}, "cells": {"values": cells, "align": "left"}})
}

fn layout(kind: PictureKind, names: &[&str], title: Option<&str>) -> Json {
    let axis = |name: Option<&&str>| json!({"title": {"text": name.map(|name| escaped(name))}});
    let mut layout = json!({
        "font": {"color": "#023d60"},
        "autosize": true,
        "colorway": COLOURS,
        "legend": {"tracegroupgap": 0},
    });
    if let Some(title) = title {
        set(&mut layout, "title", json!({"text": title}));
    }
    if !matches!(kind, PictureKind::Table | PictureKind::HeatMap) {
        set(&mut layout, "xaxis", axis(names.first()));
        let counted = matches!(kind, PictureKind::Histogram | PictureKind::GroupedBar);
        set(&mut layout, "yaxis", axis(if counted { Some(&"count") } else { names.get(1) }));
        set(
            &mut layout,
            "barmode",
            json!(if kind == PictureKind::GroupedBar { "group" } else { "relative" }),
        );
    }
    layout
}

fn number_of(cell: &Value) -> Option<f64> {
    match value(cell) {
        Json::Number(number) => number.as_f64(),
        Json::String(digits) => digits.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn plain(cell: &Value) -> String {
    match value(cell) {
        Json::String(text) => text,
        Json::Null => String::new(),
        other => other.to_string(),
    }
}
