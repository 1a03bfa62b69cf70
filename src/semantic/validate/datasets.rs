//! Datasets: their tables, keys, fields and times.

use crate::semantic::expr::parse;
use crate::semantic::fault::ModelError;
use crate::semantic::flow::model::Dim;
use crate::semantic::measure::time_field;
use crate::semantic::model::{Dataset, Entity, EntityKind, FieldKind, Model};
use crate::semantic::reach::Reach;

pub(super) fn check(model: &Model, found: &mut Vec<ModelError>) {
    for dataset in &model.datasets {
        let path = format!("datasets[{}]", dataset.name);
        let bad = |part: &str| part.is_empty() || part.chars().any(char::is_control);
        if dataset.table.split('.').any(bad) {
            let message = format!("`{}` is not a table: `table` or `schema.table`", dataset.table);
            found.push(ModelError::error(format!("{path}.relation"), "bad_relation", message));
        }
        for entity in &dataset.entities {
            own_expr(dataset, &entity.expr, format!("{path}.entities[{}].expr", entity.name), found);
            for column in &entity.further {
                own_expr(dataset, column, format!("{path}.entities[{}].exprs", entity.name), found);
            }
            check_join(model, dataset, &entity.name, entity.kind, found);
            check_columns(model, dataset, entity, found);
        }
        for field in &dataset.fields {
            own_expr(dataset, &field.expr, format!("{path}.fields[{}].expr", field.name), found);
        }
        check_spans(model, dataset, &path, found);
        if let Some(time) = &dataset.default_time {
            check_time(model, dataset, time, format!("{path}.default_time"), found);
        }
    }
}

/// An expression over the dataset's own columns.
fn own_expr(dataset: &Dataset, text: &str, path: String, found: &mut Vec<ModelError>) {
    match parse(text) {
        Err(error) => found.push(ModelError::error(path, "bad_expression", error.to_string())),
        Ok(expr) => {
            if let Some((Some(other), _)) = expr.columns().into_iter().find(|(of, _)| of.is_some()) {
                let message = format!("`{other}.` does not belong here: only columns of `{}`", dataset.table);
                found.push(ModelError::error(path, "bad_expression", message));
            }
        }
    }
}

/// A foreign key that points nowhere joins nothing.
fn check_join(model: &Model, here: &Dataset, name: &str, kind: EntityKind, found: &mut Vec<ModelError>) {
    let target = |dataset: &Dataset| {
        let meets = dataset.entities.iter().any(|e| e.name == name && e.kind != EntityKind::Foreign);
        meets && dataset.name != here.name
    };
    if kind == EntityKind::Foreign && !model.datasets.iter().any(target) {
        let path = format!("datasets[{}].entities[{name}]", here.name);
        let message =
            format!("no other dataset has a primary or unique entity `{name}`, so it joins nothing");
        let targets = model.datasets.iter().flat_map(|d| &d.entities);
        let targets = targets.filter(|e| e.kind != EntityKind::Foreign).map(|e| e.name.as_str());
        found
            .push(ModelError::error(path, "dangling_entity", message).as_warning().suggesting(name, targets));
    }
}

/// Keys that meet have the same number of columns, in the same order.
fn check_columns(model: &Model, here: &Dataset, key: &Entity, found: &mut Vec<ModelError>) {
    let others = model.datasets.iter().filter(|dataset| dataset.name != here.name);
    let mut others = others.flat_map(|dataset| dataset.entities.iter().map(move |other| (dataset, other)));
    let unlike = others.find(|(_, other)| other.name == key.name && other.further.len() != key.further.len());
    if let Some((dataset, other)) = unlike.filter(|_| key.kind != EntityKind::Primary) {
        let message = format!(
            "this key has {} column(s) and that of `{}` has {}; name the same columns in the same order in `exprs`",
            key.further.len() + 1,
            dataset.name,
            other.further.len() + 1
        );
        let path = format!("datasets[{}].entities[{}]", here.name, key.name);
        found.push(ModelError::error(path, "unlike_keys", message));
    }
}

/// Rows that are valid for a span of time say when it starts and when it ends.
fn check_spans(model: &Model, dataset: &Dataset, path: &str, found: &mut Vec<ModelError>) {
    let source = model.beside.as_deref().and_then(|beside| beside.model.source(&dataset.name));
    let fields = source.map(|source| source.dims.as_slice()).unwrap_or_default();
    let count = |is: fn(&Dim) -> bool| fields.iter().filter(|field| is(field)).count();
    let (starts, ends) = (count(|field| field.valid_from), count(|field| field.valid_to));
    let is_natural = dataset.entities.iter().any(|entity| entity.kind == EntityKind::Natural);
    let message = match (is_natural, starts, ends) {
        (false, 0, 0) | (true, 1, 1) => return,
        (true, ..) => {
            "rows of a natural entity need one field with `validity: start` and one with `validity: end`"
        }
        (false, ..) => "`validity` is for rows of an entity of `type: natural`, and there is none",
    };
    found.push(ModelError::error(format!("{path}.fields"), "bad_validity", message));
}

/// A time must be a time field that every row of the dataset reaches.
pub(super) fn check_time(
    model: &Model,
    dataset: &Dataset,
    time: &str,
    path: String,
    found: &mut Vec<ModelError>,
) {
    let Some((place, field)) = time_field(model, time) else {
        let message = format!("there is no field `{time}`; write `field` or `dataset.field`");
        found.push(ModelError::error(path, "unknown_field", message));
        return;
    };
    if field.kind != FieldKind::Time {
        let message = format!("`{time}` is not of kind `time`");
        found.push(ModelError::error(path, "not_a_time", message));
    } else if Reach::from(model, dataset).way(&place.name).is_err() {
        let message = format!("`{}` has no single way to `{}`", dataset.name, place.name);
        found.push(ModelError::error(path, "unreachable_time", message));
    }
}
