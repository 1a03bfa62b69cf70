//! The only wiring: configuration, journal, sources, models, runtime.

use crate::agent::{Bounds, SourceBriefer};
use crate::catalog::sync::{Dependent, dependents};
use crate::config::{Config, Groups, Place, Source, SourceKind};
use crate::llm::models;
use crate::memory::JournaledMemory;
use crate::projections::conversations::ConversationList;
use crate::projections::registry;
use crate::sample;
use crate::semantic::compile::distinct_values_sql;
use crate::semantic::load;
use crate::semantic::model::Model;
use crate::semantic::permitted::ModelViews;
use crate::semantic::planner::{Meaning, SemanticPlanner, Subject};
use crate::semantic::reader::{Reader, ValueIndex};
use crate::service::{Directory, Schemas, Semantics, Vanna, VannaParts};
use crate::sql::dialect::DialectKind;
use crate::sql::guard::Policies;
#[cfg(feature = "duckdb")]
use crate::sql::runner::DuckdbSource;
use crate::sql::runner::{
    CostLimits, Engine, Governance, GuardedSource, MysqlSource, PostgresSource, SqliteSource,
};
use crate::tools::{Database, JournaledResults, Registry, World};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::conversation::{Adapters, Agent, Conversation};
use vanna_actors::drift::{Readers, SourceSchema};
use vanna_actors::memory::{MemoryBook, NoEffects};
use vanna_actors::ports::catalog::SchemaReader;
use vanna_actors::ports::memory::MemoryStore;
use vanna_actors::ports::model::Model as LanguageModel;
use vanna_actors::ports::sql::{Limits, SqlSource};
use vanna_actors::ports::tools::Tools;
use vanna_actors::runtime::{Clock, DerivedSnapshots, Handle, Ids, Settings, SystemClock, SystemIds};
use vanna_journal::archive::{Archiver, ArchiverOptions};
use vanna_journal::derived::{Derived, MemoryDerived, SledDerived};
use vanna_journal::projection::{Pace, Projections};
use vanna_journal::{Journal, OpenError, OpenOptions, SledJournal};

/// Distinct values of one field that are read for recognising them in questions.
const MOST_VALUES: u32 = 20_000;
/// How long a start waits for the list of conversations to be readable.
const READY: Duration = Duration::from_secs(5);
/// Appends that may wait for the journal's writer.
const JOURNAL_QUEUE: usize = 4_096;

/// Why the application could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The journal.
    #[error("{0}")]
    Journal(#[from] OpenError),
    /// What was given cannot be used: a model, a source, a setting.
    #[error("{0}")]
    Input(String),
    /// The machine did not let us.
    #[error("{0}")]
    Machine(String),
}

/// Opens the journal of a data directory for a purpose, such as `serve`.
pub fn open_journal(data: &Path, purpose: &str) -> Result<Arc<SledJournal>, OpenError> {
    let options = OpenOptions { purpose: purpose.to_owned(), queue: JOURNAL_QUEUE };
    SledJournal::open(data, options).map(Arc::new)
}

/// Opens the journal of a data directory that must hold one already.
pub fn open_existing_journal(data: &Path, purpose: &str) -> Result<Arc<SledJournal>, AppError> {
    is_journal(data)?;
    Ok(open_journal(data, purpose)?)
}

/// Whether a directory holds a journal, whole or not.
pub fn is_journal(data: &Path) -> Result<(), AppError> {
    if data.join("vanna.journal").exists() {
        return Ok(());
    }
    let shown = data.display();
    Err(AppError::Input(format!(
        "there is no journal in {shown}; ask a question first, or name another with --data"
    )))
}

/// Seals what is written into the archive, unless the configuration says not to.
pub fn start_archiver(config: &Config, journal: &Arc<SledJournal>) -> Option<Archiver> {
    let options = ArchiverOptions::new(config.archive_dir(), config.data.clone());
    config.archive.enabled.then(|| Archiver::start(Arc::clone(journal), options))
}

/// Puts the service together over an open journal.
pub async fn start(config: &Config, journal: Arc<dyn Journal>) -> Result<Vanna, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds);
    let databases = databases(config).await?;
    let memory: Arc<dyn MemoryStore> = Arc::new(memory(&journal, &clock, &ids).await?);
    let agent = match models(&config.models, &clock).map_err(input)? {
        Some(model) => Some(agent(config, &databases, &journal, &memory, model)?),
        None => None,
    };
    let tools = agent.as_ref().map(|agent| Arc::clone(&agent.tools));
    let default = databases.first().map(|database| database.name.clone()).unwrap_or_default();
    let mut subjects = Vec::new();
    let mut sources: BTreeMap<String, Arc<dyn SqlSource>> = BTreeMap::new();
    let guarded = databases.iter().map(|database| Arc::clone(&database.source)).collect();
    let mut readers = BTreeMap::new();
    for database in databases {
        readers.insert(database.name.clone(), schema_of(&database, &journal));
        sources.insert(database.name.clone(), Arc::clone(&database.source) as _);
        subjects.push(subject(database).await?);
    }
    let names = sources.keys().cloned().collect();
    let schemas = schemas(config, readers, &journal, &clock, &ids).await?;
    let planner = Arc::new(SemanticPlanner::new(subjects, default));
    let semantics = Semantics::new(Arc::clone(&planner), limits(config));
    let adapters = Adapters { planner, sources, agent, limits: limits(config), clock: Arc::clone(&clock) };
    let rows = open_rows(&config.data).await?;
    let snapshots = Arc::new(DerivedSnapshots::new(Arc::clone(&rows)));
    let projections = Projections::start(Arc::clone(&journal), rows, registry(), Pace::default());
    let projections = projections.await.map_err(machine)?;
    // Rows that take longer to build are told of as long as they are not there.
    projections.reached(ConversationList::NAME, 0, READY).await;
    let directory = Directory::new(Arc::new(projections));
    let conversations = Handle::<Conversation>::start_with(
        Arc::clone(&journal),
        Arc::clone(&clock),
        Arc::clone(&ids),
        adapters,
        Settings::default(),
        Some(snapshots),
    )
    .await
    .map_err(machine)?;
    let as_of = as_of(config);
    let groups = Groups::of_config(config);
    Ok(Vanna::start(VannaParts {
        journal,
        conversations,
        directory,
        tools,
        memory,
        groups,
        schemas,
        semantics,
        sources: names,
        guarded,
        as_of,
        clock,
        ids,
    }))
}

/// A reader of a source's schema, and what of the semantic layer depends on it.
type SchemaOf = (Arc<dyn SchemaReader>, Vec<Dependent>);

fn schema_of(database: &Database, journal: &Arc<dyn Journal>) -> SchemaOf {
    let dependents = database.model.as_ref().map(|model| dependents(model.whole(), database.dialect));
    let dependents = dependents.unwrap_or_default();
    (database.source.engine().schema_reader(Arc::clone(journal), dependents.clone()), dependents)
}

/// The schemas of all sources. They need no snapshots: few facts make one up.
async fn schemas(
    config: &Config,
    sources: BTreeMap<String, SchemaOf>,
    journal: &Arc<dyn Journal>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
) -> Result<Schemas, AppError> {
    let mut readers = BTreeMap::new();
    let mut dependents = BTreeMap::new();
    for (name, (reader, own)) in sources {
        readers.insert(name.clone(), reader);
        dependents.insert(name, own);
    }
    let effects = Readers { readers: readers.clone(), clock: Arc::clone(clock) };
    let (clock, ids) = (Arc::clone(clock), Arc::clone(ids));
    let settings = Settings::default();
    let handle = Handle::<SourceSchema>::start(Arc::clone(journal), clock, ids, effects, settings).await;
    let probe = config.schema.watch.then(|| Duration::from_secs(config.schema.probe_seconds));
    let schedule = config.schema.schedule();
    Ok(Schemas::new(Arc::clone(journal), handle.map_err(machine)?, dependents, readers, schedule, probe))
}

/// The memories of all tenants. They need no snapshots: few facts make one up.
async fn memory(
    journal: &Arc<dyn Journal>,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
) -> Result<JournaledMemory, AppError> {
    let (journal, clock, ids) = (Arc::clone(journal), Arc::clone(clock), Arc::clone(ids));
    let settings = Settings::default();
    let books = Handle::<MemoryBook>::start(journal, clock, ids, NoEffects, settings).await;
    books.map(JournaledMemory::new).map_err(machine)
}

/// The projections of a journal; their rows lie beside it in the data directory.
pub async fn open_projections(
    data: &Path,
    journal: Arc<dyn Journal>,
    pace: Pace,
) -> Result<Projections, AppError> {
    let rows = open_rows(data).await?;
    Projections::start(journal, rows, registry(), pace).await.map_err(machine)
}

/// Everything that is derived from the journal and may be lost. Where it cannot be kept on disk, it
/// is kept in memory: that costs a fold of the journal at every start, and nobody a question.
async fn open_rows(data: &Path) -> Result<Arc<dyn Derived>, AppError> {
    let dir = data.join("derived");
    let path = dir.clone();
    match tokio::task::spawn_blocking(move || SledDerived::open(&path)).await.map_err(machine)? {
        Ok(rows) => Ok(Arc::new(rows)),
        Err(error) => {
            tracing::warn!(dir = %dir.display(), %error, "derived state is kept in memory until the next start");
            Ok(Arc::new(MemoryDerived::default()))
        }
    }
}

/// A model with the reader of questions about it; values come from the database when there is one.
pub async fn reader_of(
    model: Arc<Model>,
    source: Option<(&dyn Engine, DialectKind)>,
) -> Result<Reader, AppError> {
    let mut values = ValueIndex::default();
    if let Some((source, dialect)) = source {
        let indexed = model.datasets.iter().flat_map(|d| &d.fields).filter(|f| f.index_values);
        for field in indexed {
            let sql = distinct_values_sql(&model, &field.name, dialect, MOST_VALUES.into()).map_err(input)?;
            let found = source.distinct(&sql, MOST_VALUES as usize).await.map_err(|failure| {
                AppError::Input(format!("values of `{}` could not be read: {}", field.name, failure.message))
            })?;
            values.0.insert(field.name.clone(), found);
        }
    }
    Ok(Reader::new(model, values))
}

/// The model of a file or folder; the sample's when none is named.
pub fn model_of(path: Option<&Path>) -> Result<Arc<Model>, AppError> {
    let loaded = match path {
        Some(path) => load::from_path(path),
        None => load::from_str(sample::MODEL, "chinook.yaml"),
    };
    loaded.map(Arc::new).map_err(|errors| {
        AppError::Input(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

async fn databases(config: &Config) -> Result<Vec<Database>, AppError> {
    if config.sources.is_empty() {
        let path = sample::unpack(&config.data).map_err(|error| {
            AppError::Machine(format!(
                "the sample could not be unpacked into {}: {error}",
                config.data.display()
            ))
        })?;
        let engine = SqliteSource::open(sample::NAME, &path).map_err(input)?;
        let source = GuardedSource::new(Arc::new(engine));
        return Ok(vec![database(sample::NAME, DialectKind::Sqlite, Some(model_of(None)?), source)]);
    }
    let groups = Groups::of_config(config);
    let mut databases = Vec::new();
    for source in &config.sources {
        let model = source.model.as_deref().map(|model| model_of(Some(model))).transpose()?;
        let (dialect, engine) = engine(source).await?;
        let by_group = model.as_deref().is_some_and(|model| !model.access.is_empty());
        let source_of = guarded(source, engine, &groups, by_group).await?;
        databases.push(database(&source.name, dialect, model, source_of));
    }
    Ok(databases)
}

async fn engine(source: &Source) -> Result<(DialectKind, Arc<dyn Engine>), AppError> {
    Ok(match source.place().map_err(input)? {
        Place::File(path) => file_engine(&source.name, path, source.kind)?,
        Place::Server(url) if source.kind == SourceKind::Mysql => {
            let opened = MysqlSource::open(&source.name, url.reveal()).await;
            let opened =
                opened.map_err(|error| AppError::Input(format!("source `{}`: {error}", source.name)));
            (DialectKind::Mysql, Arc::new(opened?))
        }
        Place::Server(url) => {
            let opened = PostgresSource::open(&source.name, url.reveal()).await;
            let opened =
                opened.map_err(|error| AppError::Input(format!("source `{}`: {error}", source.name)));
            (DialectKind::Postgres, Arc::new(opened?))
        }
    })
}

/// A database file as a source, with the dialect that it is asked in.
pub fn file_engine(
    name: &str,
    path: &Path,
    kind: SourceKind,
) -> Result<(DialectKind, Arc<dyn Engine>), AppError> {
    if kind != SourceKind::Duckdb {
        return Ok((DialectKind::Sqlite, Arc::new(SqliteSource::open(name, path).map_err(input)?)));
    }
    #[cfg(feature = "duckdb")]
    return Ok((DialectKind::Duckdb, Arc::new(DuckdbSource::open(name, path).map_err(input)?)));
    #[cfg(not(feature = "duckdb"))]
    Err(AppError::Input(format!(
        "{} is a DuckDB database, and this program was built without DuckDB; build it with \
         `--features duckdb` or `--features duckdb-bundled` (docs/sources.md)",
        path.display()
    )))
}

/// An engine behind the guard, with the policies and bounds of its source; `by_group`: its model is not the same for
/// every group.
async fn guarded(
    source: &Source,
    engine: Arc<dyn Engine>,
    groups: &Groups,
    by_group: bool,
) -> Result<GuardedSource, AppError> {
    #[expect(clippy::cast_precision_loss, reason = "a bound on an estimate")]
    let costs = CostLimits {
        rows: source.expected_rows.map(|rows| rows as f64),
        cost: source.expected_cost.map(|cost| cost as f64),
    };
    let mut guarded = GuardedSource::new(engine).with_cost_limits(costs).with_samples(&source.samples);
    let Some(path) = &source.policy else {
        // What the model keeps for some groups needs to know the groups of whoever asks.
        let open = || Governance::new(Policies::open(), groups.clone());
        return Ok(if by_group { guarded.with_policies(open()) } else { guarded });
    };
    let policies = Policies::load(path).map_err(input)?;
    guarded = guarded.with_policies(Governance::new(policies, groups.clone()));
    let faults = guarded.policy_faults().await;
    let faults = faults
        .map_err(|failure| AppError::Input(format!("source `{}`: {}", source.name, failure.message)))?;
    match faults.first() {
        None => Ok(guarded),
        Some(_) => {
            let lines: Vec<String> =
                faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect();
            Err(AppError::Input(format!("source `{}`: {}", source.name, lines.join("\n"))))
        }
    }
}

fn database(name: &str, dialect: DialectKind, model: Option<Arc<Model>>, source: GuardedSource) -> Database {
    let model = model.map(|model| Arc::new(ModelViews::new(model, dialect)));
    Database { name: name.to_owned(), dialect, model, source: Arc::new(source) }
}

async fn subject(database: Database) -> Result<Subject, AppError> {
    let Database { name, dialect, model, source } = database;
    let meaning = match model {
        Some(views) => {
            // Under policies there are no values that everybody may read.
            let values = (!source.is_governed()).then_some((&**source.engine(), dialect));
            let reader = Arc::new(reader_of(Arc::clone(views.whole()), values).await?);
            Some(Meaning::new(views, reader))
        }
        None => None,
    };
    Ok(Subject { name, dialect, meaning, source })
}

/// A language model with its tools.
fn agent(
    config: &Config,
    databases: &[Database],
    journal: &Arc<dyn Journal>,
    memory: &Arc<dyn MemoryStore>,
    model: Arc<dyn LanguageModel>,
) -> Result<Agent, AppError> {
    let databases: BTreeMap<String, Database> =
        databases.iter().map(|database| (database.name.clone(), database.clone())).collect();
    let world = World {
        databases: databases.clone(),
        limits: limits(config),
        results: Arc::new(JournaledResults::new(Arc::clone(journal))),
        memory: Arc::clone(memory),
        groups: Groups::of_config(config),
    };
    let registry = Registry::new(world, &config.agent.tools).map_err(AppError::Machine)?;
    let tools: Arc<dyn Tools> = Arc::new(registry);
    let memory = Arc::clone(memory);
    let briefer = SourceBriefer::new(databases, Arc::clone(&tools), memory, Bounds::of(&config.agent));
    let answers_covered = config.agent.answers_covered;
    Ok(Agent { model, tools, briefer: Arc::new(briefer), answers_covered })
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits { rows: limits.rows, bytes: limits.bytes, time: Duration::from_millis(limits.timeout_ms) }
}

/// The sample's data end in the past, so its "today" is the day on which they end.
fn as_of(config: &Config) -> Option<Date> {
    let sample = config.sources.is_empty().then(|| sample::AS_OF.parse().ok()).flatten();
    config.as_of.or(sample)
}

fn machine(error: impl std::fmt::Display) -> AppError {
    AppError::Machine(error.to_string())
}

fn input(error: impl std::fmt::Display) -> AppError {
    AppError::Input(error.to_string())
}
