//! Pictures that a language model asked for: the kind was chosen from the columns, the rows are drawn.

use super::spec::ChartSpec;
use super::vega_lite::{SCHEMA, chart, is_drawable, is_measured, path, title};
use serde_json::{Value as Json, json};
use vanna_actors::ports::sql::ResultSet;
use vanna_actors::ports::tools::{Picture, PictureKind};

/// Draws a result. None when there is nothing to draw, when it is too large to draw, when the picture
/// does not fit the result, and for kinds that Vega-Lite has no plain form of.
#[must_use]
pub fn picture(picture: &Picture, named: &str, result: &ResultSet) -> Option<ChartSpec> {
    let known = |name: &String| result.columns.iter().any(|column| column.name == *name);
    if !is_drawable(result) || !picture.columns.iter().all(known) {
        return None;
    }
    let (mark, encoding) = drawing(picture, result)?;
    let mut spec = json!({
        "$schema": SCHEMA,
        "data": {"name": "main"},
        "mark": {"type": mark, "tooltip": true},
        "encoding": encoding,
    });
    if !named.is_empty() {
        spec.as_object_mut()?.insert("title".to_owned(), json!(title(named)));
    }
    chart(&spec, result)
}

/// The mark, and which columns go where.
fn drawing(picture: &Picture, result: &ResultSet) -> Option<(&'static str, Json)> {
    let measured = |name: &String| is_measured(result, name).then(|| field(name, "quantitative"));
    Some(match (picture.kind, picture.columns.as_slice()) {
        (PictureKind::Line, [x, y]) => ("line", json!({"x": field(x, "temporal"), "y": measured(y)?})),
        (PictureKind::Bar, [x, y]) => {
            let mut summed = measured(y)?;
            summed.as_object_mut()?.insert("aggregate".to_owned(), json!("sum"));
            let mut named = field(x, "nominal");
            // The rows are in the order that was asked for; sorting by name would hide a ranking.
            named.as_object_mut()?.insert("sort".to_owned(), Json::Null);
            ("bar", json!({"x": named, "y": summed}))
        }
        (PictureKind::Histogram, [x]) => {
            let mut binned = measured(x)?;
            binned.as_object_mut()?.insert("bin".to_owned(), json!(true));
            ("bar", json!({"x": binned, "y": counted()}))
        }
        (PictureKind::Scatter, [x, y]) => ("point", json!({"x": measured(x)?, "y": measured(y)?})),
        (PictureKind::GroupedBar, [x, color]) => {
            let (x, color) = (field(x, "nominal"), field(color, "nominal"));
            ("bar", json!({"x": x, "y": counted(), "color": color}))
        }
        _ => return None,
    })
}

fn field(name: &str, kind: &str) -> Json {
    json!({"field": path(name), "type": kind, "title": title(name)})
}

fn counted() -> Json {
    json!({"aggregate": "count", "type": "quantitative", "title": "Count"})
}

#[cfg(test)]
mod tests {
    use super::*;
    use vanna_actors::ports::sql::{Column, ColumnType, Value};

    fn result() -> ResultSet {
        let column = |name: &str, kind| Column { name: name.into(), kind };
        let columns = vec![column("country", ColumnType::String), column("revenue", ColumnType::Number)];
        let rows = vec![vec![Value::Text("Chile".into()), Value::Real(7.5)]];
        ResultSet { columns, rows, row_count: 1, truncated: false }
    }

    fn drawn(kind: PictureKind, columns: &[&str]) -> Option<Json> {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        let spec = picture(&Picture { kind, columns }, "Sales", &result())?;
        Some(serde_json::to_value(spec).unwrap()["spec"].clone())
    }

    #[test]
    fn a_text_and_a_number_are_bars_of_sums_under_the_title_that_was_given() {
        let spec = drawn(PictureKind::Bar, &["country", "revenue"]).unwrap();
        assert_eq!(spec["encoding"]["y"]["aggregate"], "sum");
        assert_eq!(spec["encoding"]["x"]["field"], "country");
        assert_eq!(spec["title"], "Sales");
    }

    #[test]
    fn what_does_not_fit_the_rows_is_not_drawn() {
        assert!(drawn(PictureKind::Bar, &["revenue", "country"]).is_none(), "a text cannot be summed");
        assert!(drawn(PictureKind::Histogram, &["nowhere"]).is_none());
        assert!(drawn(PictureKind::Table, &["country"]).is_none());
        assert!(drawn(PictureKind::Scatter, &["revenue", "revenue"]).is_some());
    }
}
