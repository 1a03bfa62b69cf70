//! The planner without a language model: read the question, compile the reading, or say what is missing.

use super::compile::{Compiled, compile};
use super::model::Model;
use super::query::SemanticQuery;
use super::reader::{Reader, Reading};
use crate::sql::dialect::DialectKind;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna_actors::json::Json;
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{Failure, SchemaMark, SqlRunner, Statement};

/// Until the schema is read.
const NO_SCHEMA: SchemaMark = SchemaMark { snapshot_id: String::new(), hash: String::new() };

/// A source with the model of what it holds.
pub struct Subject {
    /// Name of the source.
    pub name: String,
    /// Dialect of the source.
    pub dialect: DialectKind,
    /// What can be measured in it, and who reads questions about that; none: nobody has written it down.
    pub meaning: Option<Meaning>,
    /// Tells its schema.
    pub runner: Arc<dyn SqlRunner>,
}

/// A semantic model with the reader of questions about it.
pub struct Meaning {
    /// What can be measured.
    pub model: Arc<Model>,
    /// Reads questions about it.
    pub reader: Arc<Reader>,
}

/// Plans from semantic models alone.
pub struct SemanticPlanner {
    subjects: BTreeMap<String, Arc<Subject>>,
    default: String,
}

impl SemanticPlanner {
    /// A planner over subjects; `default` names the one that questions without a source go to.
    #[must_use]
    pub fn new(subjects: Vec<Subject>, default: String) -> Self {
        let subjects = subjects.into_iter().map(|s| (s.name.clone(), Arc::new(s))).collect();
        Self { subjects, default }
    }

    /// The subject that a request is about.
    pub fn subject(&self, source: Option<&str>) -> Result<&Arc<Subject>, Failure> {
        let name = source.unwrap_or(&self.default);
        self.subjects.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.subjects.keys().map(String::as_str).collect();
            let message = format!("There is no source `{name}`. Known sources: {}.", known.join(", "));
            Failure::new("unknown_source", message, false)
        })
    }
}

#[async_trait]
impl Planner for SemanticPlanner {
    async fn plan(&self, request: &PlanRequest) -> Result<Plan, Failure> {
        let subject = Arc::clone(self.subject(request.source.as_deref())?);
        let as_of = request
            .as_of
            .parse()
            .map_err(|_| Failure::new("invalid_as_of", "The as-of day must be written YYYY-MM-DD.", false))?;
        let schema = subject.runner.schema().await?;
        let message = request.message.clone();
        // Reading is computing, and questions are hostile input: keep it off the threads that serve.
        let planned = tokio::task::spawn_blocking(move || match &subject.meaning {
            Some(meaning) => plan(&subject, meaning, meaning.reader.read(&message, as_of)),
            None => unplanned(&subject),
        });
        let mut plan = planned.await.map_err(|_| {
            Failure::new("internal_error", "The service failed while it read the question.", true)
        })?;
        plan.schema = schema;
        Ok(plan)
    }
}

/// What is said of a source without a semantic model.
fn unplanned(subject: &Subject) -> Plan {
    Plan {
        source: subject.name.clone(),
        coverage: Coverage {
            status: CoverageStatus::NotApplicable,
            needs_clarification: false,
            covered: Vec::new(),
            uncovered: Vec::new(),
            assumptions: Vec::new(),
            candidates: Vec::new(),
        },
        query: None,
        reading: String::new(),
        statement: None,
        message: "This source has no semantic model, and no language model may be asked. Write a semantic \
                  model for it, or configure a language model."
            .to_owned(),
        model_hash: String::new(),
        plan_hash: String::new(),
        schema: NO_SCHEMA,
    }
}

fn plan(subject: &Subject, meaning: &Meaning, reading: Reading) -> Plan {
    let Reading { mut coverage, query, words, mut message } = reading;
    let compiled = match (&query, coverage.status, coverage.needs_clarification) {
        (Some(query), CoverageStatus::Full, false) => match compile(&meaning.model, query, subject.dialect) {
            Ok(compiled) => Some(compiled),
            Err(refusal) => {
                message = format!("I understood: {words}. It cannot be computed: {refusal}");
                refuse(&mut coverage);
                None
            }
        },
        _ => None,
    };
    Plan {
        source: subject.name.clone(),
        coverage,
        query: query.as_ref().map(to_json),
        reading: words,
        plan_hash: compiled.as_ref().map(|c| c.plan_hash.clone()).unwrap_or_default(),
        statement: compiled.map(|compiled| statement(subject, compiled)),
        message,
        model_hash: meaning.model.hash.clone(),
        schema: NO_SCHEMA,
    }
}

/// A question that was read in full but cannot be computed is not covered in full.
fn refuse(coverage: &mut Coverage) {
    coverage.status = CoverageStatus::Partial;
}

fn to_json(query: &SemanticQuery) -> Json {
    Json::new(&serde_json::to_value(query).unwrap_or_default())
}

fn statement(subject: &Subject, compiled: Compiled) -> Statement {
    Statement {
        source: subject.name.clone(),
        dialect: subject.dialect.name().to_owned(),
        sql: compiled.sql,
        prepared: compiled.prepared,
        params: compiled.params,
        outputs: compiled.outputs,
        tables: compiled.tables,
        columns: compiled.columns,
    }
}
