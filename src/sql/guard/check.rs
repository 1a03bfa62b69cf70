//! The guard's one entrance: from a statement to a verdict or a refusal.

use super::dialect::GuardDialect;
use super::functions::{Functions, SiteFunctions};
use super::input::{Origin, parse, with_stack};
use super::lower::Lower;
use super::policy::{Binds, BoundPolicy, Policy, Principal, limit_rows};
use super::recent::Recent;
use super::refusal::{Checked, Code, Refusal};
use super::resolve::{Resolved, Resolver, Schema};
use super::sight::{Sight, sight};
use super::tree::{Literal, Piece, Query};
use super::verdict::{Output, Verdict};
use super::write::Writer;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Decides over statements of one source.
pub struct Guard {
    dialect: GuardDialect,
    schema: Option<Arc<Schema>>,
    policy: Option<BoundPolicy>,
    functions: Functions,
    /// Whether values of the principal become parameters, or are written out.
    binds: bool,
    recent: Recent,
}

/// What a guard is made from.
#[derive(Clone, Debug)]
pub struct Request {
    /// The dialect of the source.
    pub dialect: GuardDialect,
    /// Its catalog; without one nothing but engine relations is refused by name, and lineage is not
    /// complete.
    pub schema: Option<Schema>,
    /// What may be read.
    pub policy: Option<Policy>,
    /// Who asks; row filters take values from it.
    pub principal: Option<Principal>,
}

impl Guard {
    /// A guard for a source, a policy and a principal.
    #[must_use]
    pub fn new(request: Request) -> Self {
        let Request { dialect, schema, policy, principal } = request;
        let site = policy.as_ref().map_or_else(SiteFunctions::default, |policy| policy.functions.clone());
        let schema = schema.map(Arc::new);
        let policy = policy.map(|policy| {
            let schema = schema.clone().unwrap_or_default();
            BoundPolicy::new(Arc::new(policy), dialect, schema, principal.as_ref())
        });
        let (functions, recent) = (Functions::new(site), Recent::default());
        Self { dialect, schema, policy, functions, binds: false, recent }
    }

    /// The same guard under a policy, for one principal. The principal's values become parameters where
    /// the dialect numbers them, and are written out by the guard elsewhere.
    #[must_use]
    pub fn under(&self, policy: Arc<Policy>, principal: &Principal) -> Self {
        let (dialect, schema) = (self.dialect, self.schema.clone());
        let functions = Functions::new(policy.functions.clone());
        let known = schema.clone().unwrap_or_default();
        let policy = Some(BoundPolicy::new(policy, dialect, known, Some(principal)));
        Self { dialect, schema, policy, functions, binds: true, recent: Recent::default() }
    }

    /// What may be read of each relation; everything where there is no policy.
    #[must_use]
    pub fn sight(&self) -> Sight {
        with_stack("", || sight(self.schema.as_deref(), self.policy.as_ref(), self.dialect))
    }

    /// What of a policy does not fit the schema, each with its place and what to do.
    #[must_use]
    pub fn faults(&self, policy: &Arc<Policy>) -> Vec<String> {
        let schema = self.schema.clone().unwrap_or_default();
        with_stack("", || policy.faults(&schema, self.dialect))
    }

    /// Most rows that a statement may give.
    #[must_use]
    pub fn row_limit(&self) -> Option<u64> {
        self.policy.as_ref().and_then(BoundPolicy::row_limit)
    }

    /// Decides over a statement in which no parameters may stand.
    ///
    /// # Errors
    /// The refusal, with its code.
    pub fn check(&self, sql: &str) -> Result<Verdict, Refusal> {
        self.check_with_parameters(sql, 0)
    }

    /// Decides over a statement that the service itself compiled, with parameters from 1 on.
    ///
    /// # Errors
    /// The refusal, with its code.
    pub fn check_with_parameters(&self, sql: &str, parameters: usize) -> Result<Verdict, Refusal> {
        with_stack(sql, || self.decide(sql, parameters))
    }

    /// The same, and keeps the verdict for a while.
    ///
    /// # Errors
    /// The refusal, with its code.
    pub fn check_and_keep(&self, sql: &str, parameters: usize) -> Result<Verdict, Refusal> {
        let verdict = self.check_with_parameters(sql, parameters)?;
        self.recent.keep(sql, parameters, &verdict);
        Ok(verdict)
    }

    /// A verdict that was kept; it costs no work.
    #[must_use]
    pub fn given_lately(&self, sql: &str, parameters: usize) -> Option<Verdict> {
        self.recent.get(sql, parameters).map(|verdict| Verdict::clone(&verdict))
    }

    fn decide(&self, sql: &str, parameters: usize) -> Checked<Verdict> {
        let (mut query, functions) = self.read(sql, parameters, Origin::Input)?;
        let asked = self.policy.as_ref().map(|_| self.write(&query, sql.len()));
        let binds = if self.binds { Binds::after(parameters, self.dialect) } else { Binds::default() };
        let resolver = Resolver::new(self.dialect, self.schema.as_deref(), self.policy.as_ref());
        let resolved = resolver.binding(binds).run(&mut query)?;
        if let Some(rows) = self.row_limit() {
            query = limit_rows(query, rows, has_unique_names(&resolved), self.dialect);
        }
        let text = self.write(&query, sql.len());
        self.read_back(&text, &query, parameters + resolved.bound.len())?;
        #[cfg(feature = "libpg-query")]
        if self.dialect == GuardDialect::Postgres {
            super::second_opinion::agrees(&text, &resolved.tables)?;
        }
        Ok(verdict(text, asked, functions, resolved))
    }

    fn read(&self, sql: &str, parameters: usize, origin: Origin) -> Checked<(Query, BTreeSet<String>)> {
        let (parsed, trailer) = parse(sql, self.dialect, origin)?;
        let mut lower = Lower::new(self.dialect, &self.functions, parameters);
        let mut query = lower.query(*parsed)?;
        if let Some(depth) = trailer.max_recursion {
            query.limit.push(Piece::Type(format!("OPTION (MAXRECURSION {depth})")));
        }
        Ok((query, lower.used))
    }

    fn write(&self, query: &Query, size: usize) -> String {
        let mut writer = Writer::new(self.dialect, size + size / 2);
        writer.query(query);
        writer.finish()
    }

    /// What runs must say to the parser just what was checked.
    fn read_back(&self, text: &str, query: &Query, parameters: usize) -> Checked<()> {
        let again =
            self.read(text, parameters, Origin::Guard).map_err(|refusal| mismatch(&refusal.reason))?;
        if again.0 == *query { Ok(()) } else { Err(mismatch("it reads back as another statement")) }
    }
}

fn mismatch(why: &str) -> Refusal {
    let reason = format!("The statement cannot be written safely ({why}); put it in simpler words.");
    Refusal::new(Code::RenderMismatch, reason)
}

fn has_unique_names(resolved: &Resolved) -> bool {
    let names: BTreeSet<String> =
        resolved.outputs.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.len() == resolved.outputs.len() && !names.contains("*") && !names.contains("?column?")
}

fn verdict(sql: String, asked: Option<String>, functions: BTreeSet<String>, resolved: Resolved) -> Verdict {
    let Resolved { tables, columns, outputs, policies, bound, complete } = resolved;
    let hash = blake3::hash(sql.as_bytes()).to_hex().to_string();
    Verdict {
        normalized: asked.unwrap_or_else(|| sql.clone()),
        sql,
        tables,
        columns,
        functions: functions.into_iter().collect(),
        outputs: outputs.into_iter().map(|(name, columns)| Output { name, columns }).collect(),
        policies,
        bound: bound.iter().map(plain).collect(),
        complete,
        hash,
    }
}

/// A value of a principal as it was given.
fn plain(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) | Literal::National(text) | Literal::Hex(text) | Literal::Bits(text) => {
            Value::from(text.as_str())
        }
        Literal::Number(text) => text.parse::<i64>().map_or_else(|_| Value::from(text.as_str()), Value::from),
        Literal::True => Value::Bool(true),
        Literal::False => Value::Bool(false),
        Literal::Null | Literal::Parameter(_) => Value::Null,
    }
}
