//! The semantic layer by itself, over HTTP: its model, plans and rows, the same as a turn's.

use crate::support::{Server, assert_whole, read_frames};
use reqwest::Method;
use serde_json::{Value, json};

async fn call(server: &Server, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = vanna::http::client().request(method, server.url(path));
    let request = match &body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send().await.expect("answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    call(server, Method::POST, path, Some(body)).await
}

#[tokio::test]
async fn a_plan_is_what_a_turn_does_and_its_query_gives_the_rows_of_the_turn() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("data")).await;
    let question = "revenue by country, top 3";
    let (status, plan) = post(&server, "semantic/plan", json!({"question": question})).await;
    assert_eq!((status, &plan["coverage"]), (200, &json!("full")), "{plan}");
    let query = plan["query"].clone();
    assert_eq!(query["metrics"], json!(["revenue"]), "{plan}");
    for body in [json!({"query": query}), query.clone(), json!({"query": query, "source": "chinook"})] {
        let (_, again) = post(&server, "semantic/plan", body).await;
        for same in ["coverage", "sql", "columns", "plan_hash", "model_hash", "source", "query"] {
            assert_eq!(again[same], plan[same], "{same}");
        }
    }
    let (status, done) = post(&server, "semantic/query", json!({"query": query})).await;
    assert_eq!((status, &done["row_count"], &done["truncated"]), (200, &json!(3), &json!(false)), "{done}");

    let body = json!({"message": question});
    let turn = vanna::http::client().post(server.url("chat/events")).json(&body).send().await.unwrap();
    let (frames, _) = read_frames(turn).await;
    assert_whole(&frames);
    let payload = |event: &str| {
        let found = frames.iter().find(|frame| frame.event == event);
        found.unwrap_or_else(|| panic!("no {event}")).json()["payload"].clone()
    };
    let (table, lineage) = (payload("table_result"), payload("lineage")["evidence"].clone());
    for same in ["rows", "columns", "column_types"] {
        assert_eq!(done[same], table[same], "{same}");
    }
    assert_eq!(lineage["executed_sql"][0]["sql"], done["sql"]);
    for same in ["schema_snapshot_id", "schema_hash"] {
        assert_eq!(done[same], lineage[same], "{same}");
    }
}

#[tokio::test]
async fn the_model_names_what_a_query_may_use() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("data")).await;
    let (status, model) = call(&server, Method::GET, "semantic/model", None).await;
    assert_eq!((status, &model["source"], &model["dialect"]), (200, &json!("chinook"), &json!("sqlite")));
    let metrics = model["metrics"].as_array().unwrap();
    assert!(metrics.len() > 3 && model["dimensions"].as_array().unwrap().len() > 5, "{model}");
    for metric in metrics {
        let query = json!({"metrics": [metric["name"]], "time_grain": metric["needs_grain"].as_bool()
            .unwrap().then_some("month"), "limit": 2});
        let (status, done) = post(&server, "semantic/query", query).await;
        assert_eq!((status, &done["model_hash"]), (200, &model["hash"]), "{metric}: {done}");
    }
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused_with_what_can_be_asked_instead() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("data")).await;
    let wrong = json!({"metrics": ["revenu"]});
    let (status, refusal) = post(&server, "semantic/query", wrong.clone()).await;
    assert_eq!((status, &refusal["error"]["code"]), (422, &json!("unprocessable")), "{refusal}");
    assert_eq!(refusal["semantic"]["code"], "unknown_metric");
    assert!(refusal["semantic"]["suggestions"].as_array().unwrap().contains(&json!("revenue")), "{refusal}");
    let (status, plan) = post(&server, "semantic/plan", wrong).await;
    assert_eq!((status, &plan["coverage"], &plan["sql"]), (200, &json!("missing"), &Value::Null), "{plan}");
    assert_eq!((&plan["missing"], &plan["error"]["code"]), (&json!(["revenu"]), &json!("unknown_metric")));

    let (status, plan) =
        post(&server, "semantic/plan", json!({"question": "average salary by office"})).await;
    assert_eq!((status, &plan["sql"]), (200, &Value::Null), "{plan}");
    assert!(!plan["missing"].as_array().unwrap().is_empty(), "{plan}");

    let query = json!({"query": {"metrics": ["revenue"]}, "source": "elsewhere"});
    let (status, refusal) = post(&server, "semantic/query", query).await;
    assert_eq!((status, &refusal["error"]["code"]), (404, &json!("not_found")), "{refusal}");
    for hostile in [
        json!({"metrics": ["revenue; DROP TABLE Invoice"]}),
        json!({"metrics": ["revenue"], "filters": [{"field": "country", "op": "=", "value": {"$ne": 1}}]}),
        json!({"metrics": ["revenue"], "dimensions": [["country"]]}),
        json!({"query": "SELECT 1"}),
    ] {
        let (status, refusal) = post(&server, "semantic/query", hostile.clone()).await;
        assert_eq!(
            (status, &refusal["error"]["code"]),
            (422, &json!("unprocessable")),
            "{hostile}: {refusal}"
        );
    }
    let quoted = json!({"metrics": ["revenue"], "filters": [
        {"field": "country", "op": "=", "value": "x'; DROP TABLE Invoice; --"}]});
    let (status, done) = post(&server, "semantic/query", quoted).await;
    assert_eq!((status, &done["row_count"]), (200, &json!(1)), "{done}");
}
