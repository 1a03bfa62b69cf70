//! Executed statements as run events of OpenLineage, each with where its output columns come from.

use crate::catalog::Catalog;
use crate::sql::guard::{Guard, GuardDialect, Request, Schema, Verdict};
use serde_json::{Map, Value as Json, json};
use vanna_actors::events::ConversationEvent as Event;
use vanna_actors::ports::sql::{SchemaMark, Statement};
use vanna_journal::{Record, StreamId};

const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const SQL: &str = "https://openlineage.io/spec/facets/1-0-1/SQLJobFacet.json#/$defs/SQLJobFacet";
const COLUMNS: &str = "https://openlineage.io/spec/facets/1-0-1/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";
/// Who says so.
const PRODUCER: &str = concat!("urn:vanna:", env!("CARGO_PKG_VERSION"));
/// Namespace of conversations and of the results in them.
const NAMESPACE: &str = "vanna";

/// A statement that ran to its end.
#[derive(Clone, Debug)]
pub struct Ran {
    tool_call_id: String,
    request_id: String,
    /// When it ended, microseconds since the Unix epoch.
    at: i64,
    statement: Statement,
    schema: SchemaMark,
    /// Names of the columns that came back, once they are known.
    columns: Vec<String>,
}

impl Ran {
    /// Source that it ran on.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.statement.source
    }

    /// The schema that it ran against.
    #[must_use]
    pub fn schema(&self) -> &SchemaMark {
        &self.schema
    }
}

/// The statements of a conversation, gathered fact by fact.
#[derive(Debug, Default)]
pub struct Statements {
    running: Vec<(String, Statement)>,
    ran: Vec<Ran>,
}

impl Statements {
    /// Takes in the next fact.
    pub fn note(&mut self, record: &Record, event: &Event) {
        match event {
            Event::SqlRunStarted(call) => {
                self.running.push((call.tool_call_id.clone(), call.statement.clone()));
            }
            Event::SqlRunFinished(end) => {
                let is_it = |(id, _): &(String, Statement)| *id == end.tool_call_id;
                if let Some(at) = self.running.iter().position(is_it) {
                    let (id, statement) = self.running.remove(at);
                    self.ended(record, id, statement, end.schema.clone());
                }
            }
            Event::ToolFinished(end) => {
                if let Some(executed) = &end.executed {
                    let (statement, schema) = (executed.statement.clone(), executed.schema.clone());
                    self.ended(record, end.tool_call_id.clone(), statement, schema);
                }
            }
            Event::ResultRecorded(recorded) => {
                let ran = self.ran.iter_mut().rev().find(|ran| ran.tool_call_id == recorded.tool_call_id);
                if let Some(ran) = ran {
                    ran.columns = recorded.result.columns.iter().map(|column| column.name.clone()).collect();
                }
            }
            _ => {}
        }
    }

    fn ended(&mut self, record: &Record, tool_call_id: String, statement: Statement, schema: SchemaMark) {
        let (at, request_id) = (record.at, record.request_id.clone().unwrap_or_default());
        self.ran.push(Ran { tool_call_id, request_id, at, statement, schema, columns: Vec::new() });
    }

    /// Those that ran to their end, in their order.
    #[must_use]
    pub fn ran(self) -> Vec<Ran> {
        self.ran
    }
}

/// The run event of a statement. Without the schema that it ran against, columns are told only as far as
/// the statement itself names them.
#[must_use]
pub fn run_event(conversation: &StreamId, ran: &Ran, catalog: Option<&Catalog>) -> Json {
    let Ran { tool_call_id, request_id, at, statement, .. } = ran;
    let namespace = format!("{}://{}", statement.dialect, statement.source);
    let inputs: Vec<Json> =
        statement.tables.iter().map(|table| json!({"namespace": namespace, "name": table})).collect();
    let job = format!("{}.{request_id}.{tool_call_id}", conversation.id());
    let mut facets = Map::new();
    if let Some(verdict) = resolved(statement, catalog) {
        let fields = fields(&verdict, &ran.columns, &namespace);
        facets.insert(
            "columnLineage".to_owned(),
            json!({
                "_producer": PRODUCER, "_schemaURL": COLUMNS, "fields": fields,
            }),
        );
    }
    json!({
        "eventType": "COMPLETE",
        "eventTime": time(*at),
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "run": {"runId": run_id(conversation, tool_call_id)},
        "job": {
            "namespace": NAMESPACE,
            "name": job,
            "facets": {"sql": {"_producer": PRODUCER, "_schemaURL": SQL, "query": statement.sql}},
        },
        "inputs": inputs,
        "outputs": [{"namespace": NAMESPACE, "name": job, "facets": facets}],
    })
}

fn resolved(statement: &Statement, catalog: Option<&Catalog>) -> Option<Verdict> {
    let dialect: GuardDialect = statement.dialect.parse().ok()?;
    let schema = catalog.map(Schema::of_catalog);
    let guard = Guard::new(Request { dialect, schema, policy: None, principal: None });
    guard.check(&statement.sql).ok()
}

/// Columns of the result and what each comes from; one whose sources are not all known is left out.
fn fields(verdict: &Verdict, columns: &[String], namespace: &str) -> Map<String, Json> {
    let mut fields = Map::new();
    let named = columns.len() == verdict.outputs.len();
    for (place, output) in verdict.outputs.iter().enumerate() {
        let Some(sources) = &output.columns else { continue };
        let inputs: Vec<Json> = sources
            .iter()
            .filter_map(|source| {
                // Names may hold dots themselves.
                let split = |table: &String| source.strip_prefix(table.as_str())?.strip_prefix('.');
                let (table, field) = verdict.tables.iter().find_map(|table| Some((table, split(table)?)))?;
                Some(json!({"namespace": namespace, "name": table, "field": field}))
            })
            .collect();
        let name = columns.get(place).filter(|_| named).unwrap_or(&output.name);
        fields.insert(name.clone(), json!({ "inputFields": inputs }));
    }
    fields
}

/// Of the call itself: the same in every export.
fn run_id(conversation: &StreamId, tool_call_id: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [conversation.tenant(), conversation.id(), tool_call_id] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn time(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{at:.3}")
}
