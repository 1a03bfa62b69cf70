//! Compiled queries, kept by the hashes of their model and of themselves: the same query over the same model is
//! compiled once.

use super::compile::{Compiled, compile_json};
use super::model::Model;
use super::refusal::CompileError;
use crate::sql::dialect::DialectKind;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most compiled queries of one source.
const MOST: usize = 512;
/// Longest query that is kept, in bytes.
const LONGEST: usize = 16_384;

/// Compiled queries of one source. What was kept longest makes room.
#[derive(Debug, Default)]
pub struct CompileCache(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    compiled: HashMap<[u8; 32], Arc<Compiled>>,
    oldest: VecDeque<[u8; 32]>,
}

impl CompileCache {
    /// As [`compile_json`], over a model whose hash says everything that it holds.
    ///
    /// # Errors
    /// As [`compile_json`]; refusals are not kept.
    pub fn compile(
        &self,
        model: &Model,
        query: &str,
        dialect: DialectKind,
    ) -> Result<Arc<Compiled>, CompileError> {
        let key = key(&model.hash, query, dialect);
        if let Some(known) = self.entries().compiled.get(&key) {
            return Ok(Arc::clone(known));
        }
        let compiled = Arc::new(compile_json(model, query, dialect)?);
        if query.len() <= LONGEST {
            self.keep(key, &compiled);
        }
        Ok(compiled)
    }

    fn keep(&self, key: [u8; 32], compiled: &Arc<Compiled>) {
        let mut entries = self.entries();
        if entries.compiled.insert(key, Arc::clone(compiled)).is_none() {
            entries.oldest.push_back(key);
        }
        if entries.oldest.len() > MOST
            && let Some(oldest) = entries.oldest.pop_front()
        {
            entries.compiled.remove(&oldest);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(model_hash: &str, query: &str, dialect: DialectKind) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in [model_hash, dialect.name(), query] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::load;
    use crate::semantic::refusal::Code;

    fn model(metric: &str) -> Model {
        let yaml = format!(
            "version: 1\nmodel: {{ name: shop }}\ndatasets:\n  - {{ name: sale, relation: sales }}\nmetrics:\n  \
             - {{ name: {metric}, dataset: sale, agg: count }}\n"
        );
        load::from_str(&yaml, "shop.yaml").unwrap()
    }

    #[test]
    fn a_query_is_compiled_once_for_each_model_and_dialect() {
        let (cache, one, other) = (CompileCache::default(), model("sales"), model("orders"));
        let query = r#"{"metrics": ["sales"]}"#;
        let first = cache.compile(&one, query, DialectKind::Sqlite).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.compile(&one, query, DialectKind::Sqlite).unwrap()));
        assert_eq!(*first, compile_json(&one, query, DialectKind::Sqlite).unwrap());
        assert!(!Arc::ptr_eq(&first, &cache.compile(&one, query, DialectKind::Postgres).unwrap()));
        let refusal = cache.compile(&other, query, DialectKind::Sqlite).unwrap_err();
        assert_eq!(refusal.code, Code::UnknownMetric);
    }

    #[test]
    fn no_more_is_kept_than_its_bound_and_the_newest_stay() {
        let (cache, model) = (CompileCache::default(), model("sales"));
        let query = |limit: usize| format!(r#"{{"metrics": ["sales"], "limit": {}}}"#, limit + 1);
        for limit in 0..MOST + 10 {
            cache.compile(&model, &query(limit), DialectKind::Sqlite).unwrap();
        }
        let entries = cache.entries();
        assert_eq!((entries.compiled.len(), entries.oldest.len()), (MOST, MOST));
        let is_kept =
            |limit| entries.compiled.contains_key(&key(&model.hash, &query(limit), DialectKind::Sqlite));
        assert!(is_kept(MOST + 9) && is_kept(10) && !is_kept(9));
    }
}
