//! The reads. Each is of one database, and none is made per table.

pub(super) const WHERE: &str = "SELECT DATABASE(), CURRENT_USER(), VERSION()";

pub(super) const TABLES: &str = "SELECT t.TABLE_NAME, t.TABLE_TYPE, t.TABLE_COMMENT \
     FROM information_schema.TABLES AS t WHERE t.TABLE_SCHEMA = DATABASE() ORDER BY 1";

pub(super) const VIEWS: &str = "SELECT v.TABLE_NAME, v.VIEW_DEFINITION \
     FROM information_schema.VIEWS AS v WHERE v.TABLE_SCHEMA = DATABASE()";

pub(super) const COLUMNS: &str = "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE, \
     c.COLUMN_DEFAULT, c.EXTRA, c.GENERATION_EXPRESSION, c.COLUMN_COMMENT, c.COLLATION_NAME \
     FROM information_schema.COLUMNS AS c WHERE c.TABLE_SCHEMA = DATABASE() ORDER BY 1, c.ORDINAL_POSITION";

pub(super) const KEYS: &str = "SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, \
     k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME \
     FROM information_schema.KEY_COLUMN_USAGE AS k \
     WHERE k.TABLE_SCHEMA = DATABASE() ORDER BY 1, 2, k.ORDINAL_POSITION";

pub(super) const ACTIONS: &str = "SELECT r.TABLE_NAME, r.CONSTRAINT_NAME, r.DELETE_RULE, r.UPDATE_RULE \
     FROM information_schema.REFERENTIAL_CONSTRAINTS AS r WHERE r.CONSTRAINT_SCHEMA = DATABASE()";

pub(super) const CHECKS_OF_MARIADB: &str = "SELECT c.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE \
     FROM information_schema.CHECK_CONSTRAINTS AS c WHERE c.CONSTRAINT_SCHEMA = DATABASE() ORDER BY 1, 2";

/// Names of checks are those of one database in MySQL.
pub(super) const CHECKS_OF_MYSQL: &str = "SELECT t.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE \
     FROM information_schema.CHECK_CONSTRAINTS AS c \
     JOIN information_schema.TABLE_CONSTRAINTS AS t \
     ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME \
     WHERE c.CONSTRAINT_SCHEMA = DATABASE() AND t.CONSTRAINT_TYPE = 'CHECK' ORDER BY 1, 2";

pub(super) const INDEXES: &str = "SELECT s.TABLE_NAME, s.INDEX_NAME, s.NON_UNIQUE, s.COLUMN_NAME, \
     s.SUB_PART, s.INDEX_TYPE FROM information_schema.STATISTICS AS s \
     WHERE s.TABLE_SCHEMA = DATABASE() ORDER BY 1, 2, s.SEQ_IN_INDEX";

/// How often the server has been told to change a schema, or who may see it. No privilege is needed.
pub(super) const PROBE: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_create_table', \
     'Com_alter_table', 'Com_drop_table', 'Com_rename_table', 'Com_create_view', 'Com_drop_view', \
     'Com_create_index', 'Com_drop_index', 'Com_create_db', 'Com_alter_db', 'Com_drop_db', 'Com_grant', \
     'Com_revoke', 'Com_revoke_all', 'Com_create_sequence', 'Com_drop_sequence')";
