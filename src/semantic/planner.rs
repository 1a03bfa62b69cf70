//! The planner without a language model: read the question, compile the reading, or say what is missing.

use super::compile::{Compiled, compile_json, distinct_values_sql};
use super::model::Model;
use super::permitted::ModelViews;
use super::query::SemanticQuery;
use super::reader::{Reader, Reading, ValueIndex};
use super::refusal::CompileError;
use super::verified::{Answer, outputs};
use crate::sql::dialect::DialectKind;
use crate::sql::runner::{GuardedSource, Kept};
use async_trait::async_trait;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;
use vanna_actors::json::Json;
use vanna_actors::ports::planner::{Coverage, CoverageStatus, Plan, PlanRequest, Planner};
use vanna_actors::ports::sql::{Failure, NOT_PERMITTED, SchemaMark, SqlSource, Statement};
use vanna_actors::ports::tools::Caller;

/// Until the schema is read.
const NO_SCHEMA: SchemaMark = SchemaMark { snapshot_id: String::new(), hash: String::new() };

/// Distinct values of one field that are read for recognising them in questions.
const MOST_VALUES: u32 = 20_000;

/// A source with the model of what it holds.
pub struct Subject {
    /// Name of the source.
    pub name: String,
    /// Dialect of the source.
    pub dialect: DialectKind,
    /// What can be measured in it, and who reads questions about that; none: nobody has written it down.
    pub meaning: Option<Meaning>,
    /// The source itself.
    pub source: Arc<GuardedSource>,
}

/// A semantic model with the reader of questions about it.
pub struct Meaning {
    views: Arc<ModelViews>,
    /// Reads questions about the whole model. Where callers see parts of the source, it knows no values.
    reader: Arc<Reader>,
    readers: Kept<Reader>,
}

impl Meaning {
    /// A model, and the reader of questions about the whole of it.
    #[must_use]
    pub fn new(views: Arc<ModelViews>, reader: Arc<Reader>) -> Self {
        Self { views, reader, readers: Kept::default() }
    }

    /// The model, and what of it each caller sees.
    #[must_use]
    pub fn views(&self) -> &ModelViews {
        &self.views
    }
}

/// What one caller may ask about.
struct Seen {
    model: Arc<Model>,
    reader: Arc<Reader>,
    /// Reads the same questions about the whole model, where that is more.
    whole: Option<Arc<Reader>>,
}

impl Subject {
    fn compile(&self, model: &Arc<Model>, query: &Json) -> Result<Compiled, CompileError> {
        match &self.meaning {
            Some(meaning) => meaning.views.compile_seen(model, query.as_str()),
            None => compile_json(model, query.as_str(), self.dialect),
        }
    }

    /// What a caller may ask about. Values are read as the caller may read them.
    async fn seen(&self, meaning: &Meaning, caller: &Caller) -> Result<Seen, Failure> {
        let permit = self.source.permit(caller).await?;
        let model = meaning.views.seen(permit.as_deref()).await?;
        let Some(permit) = permit else {
            return Ok(Seen { model, reader: Arc::clone(&meaning.reader), whole: None });
        };
        let whole = Some(Arc::clone(&meaning.reader));
        if let Some(reader) = meaning.readers.get(permit.key()) {
            return Ok(Seen { model, reader, whole });
        }
        let mut values = ValueIndex::default();
        for field in model.datasets.iter().flat_map(|d| &d.fields).filter(|field| field.index_values) {
            let Ok(sql) = distinct_values_sql(&model, &field.name, self.dialect, MOST_VALUES.into()) else {
                continue;
            };
            let found = self.source.distinct(caller, &sql, MOST_VALUES as usize).await?;
            values.0.insert(field.name.clone(), found);
        }
        let reader = Arc::new(Reader::new(Arc::clone(&model), values));
        meaning.readers.keep(permit.key(), Arc::clone(&reader));
        Ok(Seen { model, reader, whole })
    }
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
    async fn plan(&self, caller: &Caller, request: &PlanRequest) -> Result<Plan, Failure> {
        let subject = Arc::clone(self.subject(request.source.as_deref())?);
        let as_of = request
            .as_of
            .parse()
            .map_err(|_| Failure::new("invalid_as_of", "The as-of day must be written YYYY-MM-DD.", false))?;
        let schema = subject.source.schema().await?;
        let seen = match &subject.meaning {
            Some(meaning) => Some(subject.seen(meaning, caller).await?),
            None => None,
        };
        if let Some(seen) = &seen
            && let Some(plan) = verified_plan(&subject, seen, caller, &request.message).await?
        {
            return Ok(Plan { schema, ..plan });
        }
        let message = request.message.clone();
        // Reading is computing, and questions are hostile input: keep it off the threads that serve.
        let planned = tokio::task::spawn_blocking(move || match seen {
            Some(seen) => planned(&subject, &seen, &message, as_of),
            None => Ok(unplanned(&subject)),
        });
        let plan = planned.await.map_err(|_| {
            Failure::new("internal_error", "The service failed while it read the question.", true)
        })?;
        Ok(Plan { schema, ..plan? })
    }
}

/// The plan of a question that a verified query of the model was written for. Where that cannot be used any more,
/// the question is read by its words.
async fn verified_plan(
    subject: &Subject,
    seen: &Seen,
    caller: &Caller,
    message: &str,
) -> Result<Option<Plan>, Failure> {
    let Some(verified) = seen.reader.verified(message) else { return Ok(None) };
    let answer = verified.answer(&seen.model, &subject.name, subject.dialect);
    let (statement, plan_hash) = match answer {
        Some(Answer::Compiled(statement, hash)) => (*statement, hash),
        Some(Answer::Written(sql)) => match subject.source.describe(caller, &sql).await {
            Ok(described) => {
                let outputs = outputs(&seen.model, &described.sql);
                let hash = blake3::hash(described.sql.as_bytes()).to_hex().to_string();
                let source = subject.name.clone();
                (Statement { source, outputs, ..described }, hash)
            }
            Err(failure) if failure.retryable => return Err(failure),
            Err(failure) => {
                let (name, code) = (&verified.name, &failure.code);
                tracing::warn!(name, code, "a verified query does not fit its source any more");
                return Ok(None);
            }
        },
        None => return Ok(None),
    };
    Ok(Some(Plan {
        source: subject.name.clone(),
        coverage: Coverage::verified(message, &verified.name),
        query: verified.query.as_ref().map(Json::new),
        reading: verified.question.trim_end_matches(['?', '.', '!', ' ']).to_owned(),
        statement: Some(statement),
        message: String::new(),
        model_hash: seen.model.hash.clone(),
        plan_hash,
        schema: NO_SCHEMA,
    }))
}

/// The plan of what a caller may see, or the word that they may not see what they ask for.
fn planned(subject: &Subject, seen: &Seen, message: &str, as_of: Date) -> Result<Plan, Failure> {
    let reading = seen.reader.read_words(message, as_of);
    if let Some(whole) = &seen.whole
        && reading.coverage.status != CoverageStatus::Full
    {
        // A verified query that the caller has too is none that they may not see.
        let whole = match seen.reader.verified(message) {
            Some(_) => whole.read_words(message, as_of),
            None => whole.read(message, as_of),
        };
        if let Some(failure) = not_permitted(seen, &reading.coverage, &whole.coverage) {
            return Err(failure);
        }
    }
    Ok(plan(subject, &seen.model, reading))
}

/// Whether a question asks for what the model has and the caller may not see. It is told in the asker's
/// own words: no name of the model is.
fn not_permitted(seen: &Seen, own: &Coverage, whole: &Coverage) -> Option<Failure> {
    let clear = whole.status == CoverageStatus::Full && !whole.needs_clarification;
    let hidden = own.status == CoverageStatus::Missing && whole.status == CoverageStatus::Partial;
    if !clear && !hidden {
        return None;
    }
    let is_seen = |meaning: &str| {
        let name = meaning.split(':').next().unwrap_or(meaning);
        seen.model.metric(name).is_some() || own.covered.iter().any(|part| part.meaning == meaning)
    };
    let words = whole.covered.iter().filter(|part| !is_seen(&part.meaning));
    let words: Vec<String> = words.map(|part| format!("\"{}\"", part.text)).collect();
    if words.is_empty() {
        return None;
    }
    let message = format!(
        "You are not permitted to read what this asks for: {}. Whoever keeps the policy of the source can \
         change that.",
        words.join(", ")
    );
    Some(Failure::new(NOT_PERMITTED, message, false))
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

fn plan(subject: &Subject, model: &Arc<Model>, reading: Reading) -> Plan {
    let Reading { mut coverage, query, words, mut message } = reading;
    let query = query.as_ref().map(to_json);
    let compiled = match (&query, coverage.status, coverage.needs_clarification) {
        (Some(query), CoverageStatus::Full, false) => match subject.compile(model, query) {
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
        query,
        reading: words,
        plan_hash: compiled.as_ref().map(|c| c.plan_hash.clone()).unwrap_or_default(),
        statement: compiled.map(|compiled| compiled.into_statement(&subject.name, subject.dialect)),
        message,
        model_hash: model.hash.clone(),
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
