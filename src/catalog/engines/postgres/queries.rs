//! The reads. Each is one pass over one or two catalogs; they are joined by oid on our side.

/// Tuples that were ever written in the catalogs that a schema is made of, and what the server was when it
/// counted them. No privilege is needed. A standby counts nothing of what it replays.
pub(super) const PROBE: &str = "\
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE \
  (SELECT string_agg((pg_stat_get_tuples_inserted(c) + pg_stat_get_tuples_updated(c) \
                      + pg_stat_get_tuples_deleted(c))::text, ',' ORDER BY c) \
     FROM unnest('{1259,1249,2604,2606,2610,2609,1247,3501,2615,2618}'::oid[]) AS c) \
  || '@' || extract(epoch FROM pg_postmaster_start_time())::text END";

/// How long the server lets a read take, and what names are written without their schema: a fixed
/// path, so that texts do not depend on the role's own.
pub(super) const BEGIN: &str = "\
SET LOCAL search_path = public; SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '5s'; \
SET LOCAL idle_in_transaction_session_timeout = '120s'";

/// Who looks.
pub(super) const ROLE: &str = "SELECT current_user::text";

macro_rules! own_schemas {
    () => {
        "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    };
}

/// Schemas: oid, name.
pub(super) const SCHEMAS: &str =
    concat!("SELECT n.oid, n.nspname::text FROM pg_namespace n WHERE ", own_schemas!());

/// Relations: oid, schema, name, kind, query of a view, whether partitioned rows are below it, parent.
pub(super) const RELATIONS: &str = concat!(
    "SELECT c.oid, c.relnamespace, c.relname::text, c.relkind::text, ",
    "CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END, ",
    "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, ",
    "CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END ",
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ",
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ",
    own_schemas!()
);

/// Columns: relation, number, name, type, modifier, not null, identity, generated.
pub(super) const COLUMNS: &str = "\
SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity::text, \
a.attgenerated::text, CASE WHEN a.attcollation NOT IN (0, 100, 950) THEN a.attcollation::regcollation::text END \
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// Types that columns have: type, modifier, as it is written.
pub(super) const TYPES: &str = "\
SELECT t, m, format_type(t, m) FROM (SELECT DISTINCT a.atttypid AS t, a.atttypmod AS m FROM pg_attribute a \
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384) AS used";

/// Defaults and expressions: relation, column, text.
pub(super) const DEFAULTS: &str =
    "SELECT adrelid, adnum, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid >= 16384";

/// Constraints: relation, name, kind, columns, target, its columns, on delete, on update, text, whether it
/// may wait for the end of the transaction, whether existing rows were checked.
pub(super) const CONSTRAINTS: &str = "\
SELECT conrelid, conname::text, contype::text, conkey::text, confrelid, confkey::text, confdeltype::text, \
confupdtype::text, CASE WHEN contype IN ('c', 'x') THEN pg_get_constraintdef(oid) END, condeferrable, convalidated \
FROM pg_constraint WHERE conrelid >= 16384 AND contype IN ('p', 'u', 'f', 'c', 'x')";

/// Indexes that serve no constraint: relation, name, unique, columns, method, text where columns alone do
/// not say what it is, whether it is usable.
pub(super) const INDEXES: &str = "\
SELECT i.indrelid, c.relname::text, i.indisunique, i.indkey::text, m.amname::text, \
CASE WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR i.indnatts > i.indnkeyatts \
OR '1' = ANY (string_to_array(translate(i.indoption::text, '23', '11'), ' ')) \
THEN pg_get_indexdef(i.indexrelid) END, i.indisvalid \
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam \
WHERE i.indrelid >= 16384 AND NOT EXISTS \
(SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))";

/// Labels of enumerated types: type, schema, name, label; in order.
pub(super) const LABELS: &str = "\
SELECT t.oid, t.typnamespace, t.typname::text, e.enumlabel::text FROM pg_type t \
LEFT JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typtype = 'e' ORDER BY t.oid, e.enumsortorder";

/// Comments: catalog, entity, column, text.
pub(super) const COMMENTS: &str = "\
SELECT classoid, objoid, objsubid, description FROM pg_description \
WHERE classoid IN (1259, 2615, 1247) AND (objoid >= 16384 OR classoid = 2615)";

/// All reads of a pass, for whoever measures what they cost by themselves.
pub const READS: [&str; 9] =
    [SCHEMAS, RELATIONS, COLUMNS, TYPES, DEFAULTS, CONSTRAINTS, INDEXES, LABELS, COMMENTS];
