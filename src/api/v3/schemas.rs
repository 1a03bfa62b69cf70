//! The JSON Schemas of what is sent, as they are kept in the repository.

use crate::api::Api;
use crate::api::problem::{Code, Problem};
use axum::Json;
use axum::extract::{Path, State, rejection::PathRejection};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// Pairs the names of files in `docs/schemas/` with their texts.
macro_rules! embedded {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/", $name, ".json")))),*]
    };
}

/// Names and texts of all schemas.
const SCHEMAS: &[(&str, &str)] = embedded!(
    "assistant_text",
    "chart_spec",
    "done",
    "error",
    "lineage",
    "status",
    "table_result",
    "tool_result",
    "tool_start",
    "warning"
);

/// Which schemas there are.
#[utoipa::path(get, path = "/schemas/", tag = "contract",
    responses((status = 200, description = "Names and addresses", body = Object)))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Json<Value> {
    let prefix = &api.settings.prefix;
    let entry =
        |(name, _): &(&str, &str)| json!({"name": name, "href": format!("{prefix}/schemas/{name}.json")});
    Json(json!({"schemas": SCHEMAS.iter().map(entry).collect::<Vec<_>>()}))
}

/// One schema.
#[utoipa::path(get, path = "/schemas/{file}", tag = "contract",
    params(("file" = String, Path, description = "A name of the list, and `.json`")),
    responses(
        (status = 200, description = "The schema", body = Object, content_type = "application/schema+json"),
        (status = 404, description = "No such schema", body = crate::api::problem::ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(file: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(file) = file.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
    let wanted = file.strip_suffix(".json").unwrap_or_default();
    let Some((_, text)) = SCHEMAS.iter().find(|(name, _)| *name == wanted) else {
        return Err(Problem::new(Code::NotFound, "There is no such schema; the list is at schemas/."));
    };
    Ok(([(header::CONTENT_TYPE, "application/schema+json")], *text).into_response())
}
