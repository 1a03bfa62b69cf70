//! Which picture fits which columns.

use vanna_actors::ports::sql::{ColumnType, ResultSet, Value};
use vanna_actors::ports::tools::{Picture, PictureKind};

/// What a column is for a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Time,
    Text,
}

/// Columns above which only a table shows all of them.
const MOST_COLUMNS: usize = 3;

/// The picture of a result; none when there is nothing in it.
pub(super) fn choose(result: &ResultSet) -> Option<Picture> {
    if result.rows.is_empty() || result.columns.is_empty() {
        return None;
    }
    let kinds: Vec<Kind> = (0..result.columns.len()).map(|place| kind(result, place)).collect();
    let of = |wanted: Kind| -> Vec<String> {
        let columns = result.columns.iter().zip(&kinds);
        columns.filter(|(_, kind)| **kind == wanted).map(|(column, _)| column.name.clone()).collect()
    };
    let (numbers, times, texts) = (of(Kind::Number), of(Kind::Time), of(Kind::Text));
    let all = || result.columns.iter().map(|column| column.name.clone()).collect();
    let (kind, columns) = match (numbers.as_slice(), times.as_slice(), texts.as_slice()) {
        _ if result.columns.len() > MOST_COLUMNS => (PictureKind::Table, all()),
        ([number, ..], [time, ..], _) => (PictureKind::Line, vec![time.clone(), number.clone()]),
        ([number, ..], [], [text, ..]) => (PictureKind::Bar, vec![text.clone(), number.clone()]),
        ([number], [], []) => (PictureKind::Histogram, vec![number.clone()]),
        ([one, two], [], []) => (PictureKind::Scatter, vec![one.clone(), two.clone()]),
        ([_, _, _], [], []) => (PictureKind::HeatMap, numbers),
        ([], _, [one, two, ..]) => (PictureKind::GroupedBar, vec![one.clone(), two.clone()]),
        _ => (PictureKind::Table, all()),
    };
    Some(Picture { kind, columns })
}

fn kind(result: &ResultSet, place: usize) -> Kind {
    match result.columns.get(place).map(|column| column.kind) {
        Some(ColumnType::Integer | ColumnType::Number) => Kind::Number,
        Some(ColumnType::Date | ColumnType::DateTime) => Kind::Time,
        Some(ColumnType::String) if is_days(result, place) => Kind::Time,
        _ => Kind::Text,
    }
}

/// Whether texts are days or months, as engines without a type for dates give them.
fn is_days(result: &ResultSet, place: usize) -> bool {
    let day = |text: &str| {
        let whole =
            if text.len() == 7 { format!("{text}-01") } else { text.get(..10).unwrap_or("").to_owned() };
        whole.parse::<jiff::civil::Date>().is_ok()
    };
    result.rows.iter().all(|row| match row.get(place) {
        Some(Value::Text(text)) => day(text),
        Some(Value::Null) => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vanna_actors::ports::sql::Column;

    fn chosen(columns: &[(ColumnType, Value)]) -> PictureKind {
        let named = columns.iter().enumerate();
        let result = ResultSet {
            columns: named.map(|(n, (kind, _))| Column { name: format!("c{n}"), kind: *kind }).collect(),
            rows: vec![columns.iter().map(|(_, value)| value.clone()).collect()],
            row_count: 1,
            truncated: false,
        };
        choose(&result).unwrap().kind
    }

    #[test]
    fn the_columns_say_what_is_drawn() {
        let number = || (ColumnType::Number, Value::Real(1.0));
        let text = || (ColumnType::String, Value::Text("a".into()));
        let month = || (ColumnType::String, Value::Text("2025-03".into()));
        assert_eq!(chosen(&[number()]), PictureKind::Histogram);
        assert_eq!(chosen(&[text(), number()]), PictureKind::Bar);
        assert_eq!(chosen(&[month(), number()]), PictureKind::Line);
        assert_eq!(chosen(&[number(), number()]), PictureKind::Scatter);
        assert_eq!(chosen(&[number(), number(), number()]), PictureKind::HeatMap);
        assert_eq!(chosen(&[text(), text()]), PictureKind::GroupedBar);
        assert_eq!(chosen(&[text(), number(), number(), number()]), PictureKind::Table);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let result = ResultSet { columns: Vec::new(), rows: Vec::new(), row_count: 0, truncated: false };
        assert!(choose(&result).is_none());
    }
}
