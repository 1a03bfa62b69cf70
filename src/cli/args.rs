//! What can be typed.

use super::remote::Server;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Ask your database in plain English; every answer is a record that you can replay and check.
#[derive(Debug, Parser)]
#[command(
    name = "vanna",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  vanna ask \"top 5 countries by revenue\"
  vanna serve
  vanna replay CONVERSATION --format v3
Exit codes: 0 fine, 1 the check said no, 2 bad usage or input, 3 could not run."
)]
pub struct Cli {
    /// Directory that holds the journal and the sample.
    #[arg(long, global = true, env = "VANNA_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file; `vanna.toml` is read when it is there.
    #[arg(long, global = true, env = "VANNA_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service.
    Serve(Serve),
    /// Ask one question, without a server.
    Ask(Ask),
    /// Replay a conversation from the journal.
    Replay(Replay),
    /// List conversations.
    Conversations(Conversations),
    /// Look after the journal.
    #[command(subcommand)]
    Journal(Journal),
    /// Look after what is derived from the journal.
    #[command(subcommand)]
    Projections(Projections),
    /// Use the semantic layer by itself.
    #[command(subcommand)]
    Semantic(Semantic),
    /// Use the SQL guard by itself.
    #[command(subcommand)]
    Sql(super::sql::Sql),
    /// What a source declares, and what changed.
    #[command(subcommand)]
    Schema(super::schema::Schema),
    /// Where the numbers of answers come from, for other programs.
    #[command(subcommand)]
    Lineage(super::lineage::Lineage),
}

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  vanna serve --addr 127.0.0.1:8080
Without configuration it serves the sample database with its semantic model; no model key is needed.")]
pub struct Serve {
    /// Address to listen on.
    #[arg(long, env = "VANNA_ADDR", value_name = "HOST:PORT")]
    pub addr: Option<SocketAddr>,
}

/// Options of `ask`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vanna ask \"revenue by month in 2024\"
  vanna ask \"orders in Norway\" --json
  vanna ask \"how many orders last month\" --db shop.sqlite --model shop.yaml --as-of 2025-12-31
  vanna ask --jsonl < questions.jsonl")]
pub struct Ask {
    /// The question; with --jsonl, lines of {"id","question","as_of"} come from standard input.
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    pub question: Option<String>,
    /// SQLite (or DuckDB) database to ask; needs --model.
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// Semantic model of the database.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The day that "today" means.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<Date>,
    /// Use no language model, whatever the configuration names.
    #[arg(long)]
    pub offline: bool,
    /// Print the answer as one JSON object.
    #[arg(long, conflicts_with_all = ["jsonl", "format"])]
    pub json: bool,
    /// Answer JSON lines from standard input, one JSON line each.
    #[arg(long, conflicts_with = "format")]
    pub jsonl: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = AskFormat::Text)]
    pub format: AskFormat,
    /// Conversation to go on with; a new one otherwise.
    #[arg(long, value_name = "ID")]
    pub conversation: Option<String>,
    /// Tenant of whoever asks, for policies and the record.
    #[arg(long, default_value = "default")]
    pub tenant: String,
    /// Name of whoever asks, for policies and the record.
    #[arg(long, default_value = "anonymous")]
    pub principal: String,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AskFormat {
    /// For people.
    Text,
    /// The v3 event stream, as a client of the service receives it.
    V3,
    /// The chunks of version 2, as its clients receive them.
    V2,
}

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  vanna replay 0198c5f0-…
  vanna replay 0198c5f0-… --format v3
  vanna replay 0198c5f0-… --server http://127.0.0.1:8080")]
pub struct Replay {
    /// The conversation.
    pub conversation: String,
    /// Only this request.
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ReplayFormat::Text)]
    pub format: ReplayFormat,
    /// Whom to ask.
    #[command(flatten)]
    pub server: Server,
}

/// How a conversation is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// For people.
    Text,
    /// The v3 event stream, byte for byte as clients received it.
    V3,
    /// The chunks of version 2, with everything that an administrator sees.
    V2,
    /// The journaled facts, one JSON line each.
    Facts,
}

/// Options of `conversations`.
#[derive(Debug, Args)]
pub struct Conversations {
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Tenant whose conversations are listed.
    #[arg(long, default_value = "default")]
    pub tenant: String,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Check every checksum, number, hash and signed head; exit 1 when something is wrong.
    #[command(after_help = "Examples:
  vanna journal verify
  vanna journal verify --server http://127.0.0.1:8080")]
    Verify {
        /// Whom to ask.
        #[command(flatten)]
        server: Server,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Figures about the journal.
    Stats {
        /// Whom to ask.
        #[command(flatten)]
        server: Server,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// The last records.
    #[command(after_help = "Examples:
  vanna journal tail
  vanna journal tail -n 100 --json")]
    Tail {
        /// How many.
        #[arg(short = 'n', long = "lines", default_value_t = 10, value_name = "COUNT")]
        count: u32,
        /// Print one JSON line each, as `export` does.
        #[arg(long)]
        json: bool,
    },
    /// Write all records into a new file, one JSON line each; `-` is standard output.
    #[command(after_help = "Examples:
  vanna journal export records.ndjson
  vanna journal export - | jq .payload
  vanna journal export --format segment all.seg
`vanna journal import` makes the same journal of it, byte for byte. The file holds everything that was asked
and answered; keep it as safe as the journal.")]
    Export {
        /// The file; it must not exist.
        file: PathBuf,
        /// How to write it.
        #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
        format: ExportFormat,
    },
    /// Make a new data directory (--data) from an export; refuses what is cut off or was changed.
    #[command(after_help = "Example:
  vanna journal import records.ndjson --data a-new-directory")]
    Import {
        /// What `export` wrote, in either format; `-` is standard input.
        file: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Bring a backup up to the head of the journal; what it holds already is checked and stays.
    #[command(after_help = "Example:
  vanna journal backup another-disk/vanna
While a service has the journal, the backup holds what that service has sealed so far, and says up to where.
The private key that signs heads is not part of it: copy `keys/` to a safe place by itself.")]
    Backup {
        /// The directory; new, empty, or a backup of this journal.
        dir: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Make a new data directory (--data) from a backup, or from what a damaged one still holds.
    #[command(after_help = "Examples:
  vanna journal restore --from another-disk/vanna --data a-new-directory
  vanna journal restore --salvage vanna-data --data a-new-directory
The first wants a backup that is whole. The second takes what is whole of the archive and of the damaged
directory, as far as the chain leads, says what came from where, and exits 1 when something is lost.")]
    Restore(Restore),
    /// Seal everything up to the head into the archive; damaged segments are moved aside and sealed anew.
    Seal {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Read everything, journal and archive, and name all damage; exit 1 when there is any.
    Scrub {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Drop the derived index and build it anew.
    Reindex {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Copy the journal into a fresh storage and swap it in, to give space back.
    Compact {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Prove that an event is in the journal; prints a proof that `verify-proof` checks anywhere.
    #[command(after_help = "Example:
  vanna journal prove 12.0.58c1f0a97b3e6d24 --conversation 0198c5f0-… > event.proof")]
    Prove {
        /// The event's id.
        event_id: String,
        /// Its conversation.
        #[arg(long, value_name = "ID")]
        conversation: String,
    },
    /// Check a proof, without a journal; exit 1 when it does not hold.
    #[command(after_help = "Examples:
  vanna journal verify-proof event.proof --key 3c1f…
  vanna journal prove EVENT --conversation ID | vanna journal verify-proof -
A proof shows that its record stands below its head. That the head is the right one shows its key, or
its hash: get one of them from whoever you trust, and name it.")]
    VerifyProof(VerifyProof),
}

/// How records are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON line per record.
    Ndjson,
    /// One compressed segment.
    Segment,
}

/// Options of `journal restore`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Restore {
    /// Backup, archive or segment to restore from.
    #[arg(long, value_name = "PATH")]
    pub from: Option<PathBuf>,
    /// Damaged data directory to save what can be saved from; it is only read.
    #[arg(long, value_name = "DIR")]
    pub salvage: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Options of `journal verify-proof`.
#[derive(Debug, Args)]
pub struct VerifyProof {
    /// File with the proof; `-` is standard input.
    pub file: PathBuf,
    /// Public key that must have signed the head.
    #[arg(long, value_name = "HEX")]
    pub key: Option<String>,
    /// Hash that the head must have.
    #[arg(long, value_name = "HEX")]
    pub head: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What to do with the projections.
#[derive(Debug, Subcommand)]
pub enum Projections {
    /// How they stand: versions, positions, lag.
    List {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Fold them anew from the journal.
    #[command(after_help = "Examples:
  vanna projections rebuild
  vanna projections rebuild conversations
While a service runs: POST /api/vanna/v3/projections/NAME/rebuild")]
    Rebuild {
        /// Only this one.
        name: Option<String>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Compare them with a fresh fold; exit 1 when one differs.
    Verify {
        /// Only this one.
        name: Option<String>,
        /// Print one JSON line each.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the semantic layer.
#[derive(Debug, Subcommand)]
pub enum Semantic {
    /// Read a question and print what it was understood as; runs nothing.
    #[command(after_help = "Examples:
  vanna semantic plan \"top 3 genres by revenue\"
  vanna semantic plan --model shop.yaml --db shop.sqlite --batch < questions.jsonl")]
    Plan(SemanticPlan),
    /// Compile a semantic query to one SELECT and print it.
    #[command(after_help = "Examples:
  vanna semantic compile --query query.json
  vanna semantic compile --model shop.yaml --dialect sqlite --batch < queries.jsonl")]
    Compile(SemanticCompile),
    /// Read a model of another tool and print it as one of ours.
    #[command(after_help = "Examples:
  vanna semantic import target/semantic_manifest.json > model.yaml
  vanna semantic import cortex.yaml --json
The file or folder may be of MetricFlow (dbt), Snowflake or Open Semantic Interchange; the content tells which.
What has no effect is kept under `extensions`, and listed on standard error.")]
    Import(SemanticImport),
    /// Print a model in the format of another tool.
    #[command(after_help = "Example:
  vanna semantic export --to osi --model model.yaml > model.osi.yaml")]
    Export(SemanticExport),
    /// Say what of a model is understood, what is wrong with it, and what has no effect.
    #[command(after_help = "Examples:
  vanna semantic validate --model shop.yaml
  vanna semantic validate --model target/semantic_manifest.json --json
Exits with 1 when the model cannot be used as it is.")]
    Validate(SemanticValidate),
}

/// Options of `semantic import`.
#[derive(Debug, Args)]
pub struct SemanticImport {
    /// File or folder.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print JSON and not YAML.
    #[arg(long)]
    pub json: bool,
}

/// Options of `semantic export`.
#[derive(Debug, Args)]
pub struct SemanticExport {
    /// Semantic model; the sample's when absent.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Format: `osi` is Open Semantic Interchange 1.0.
    #[arg(long, value_name = "FORMAT", value_parser = ["osi"])]
    pub to: String,
    /// Print JSON and not YAML.
    #[arg(long)]
    pub json: bool,
}

/// Options of `semantic validate`.
#[derive(Debug, Args)]
pub struct SemanticValidate {
    /// Semantic model; the sample's when absent.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Options of `semantic plan`.
#[derive(Debug, Args)]
pub struct SemanticPlan {
    /// The question; without it or with --batch, JSON lines of {"question"} come from standard input.
    pub question: Option<String>,
    /// Semantic model; the sample's when absent.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// SQLite (or DuckDB) database to read values from; without it only values named in the model are known.
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// The day that "today" means.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub as_of: Option<Date>,
    /// Read JSON lines from standard input.
    #[arg(long, conflicts_with = "question")]
    pub batch: bool,
}

/// Options of `semantic compile`.
#[derive(Debug, Args)]
pub struct SemanticCompile {
    /// Semantic model; the sample's when absent.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// File with the query as JSON; `-` is standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "batch", conflicts_with = "batch")]
    pub query: Option<PathBuf>,
    /// SQL dialect.
    #[arg(long, default_value = "sqlite")]
    pub dialect: String,
    /// Read {"id","query"} lines from standard input, write {"id","sql","columns"} lines.
    #[arg(long)]
    pub batch: bool,
}
