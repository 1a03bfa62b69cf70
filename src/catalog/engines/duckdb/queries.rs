//! The reads. Each is of the whole file, and none is made per table. Lists come as JSON.

pub(super) const SCHEMAS: &str = "SELECT schema_name, comment FROM duckdb_schemas() \
     WHERE database_name = current_database() AND schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY 1";

pub(super) const TABLES: &str = "SELECT schema_name, table_name, comment, sql FROM duckdb_tables() \
     WHERE database_name = current_database() AND NOT internal AND NOT temporary ORDER BY 1, 2";

pub(super) const VIEWS: &str = "SELECT schema_name, view_name, comment, sql FROM duckdb_views() \
     WHERE database_name = current_database() AND NOT internal AND NOT temporary ORDER BY 1, 2";

pub(super) const COLUMNS: &str = "SELECT schema_name, table_name, column_name, data_type, is_nullable, \
     column_default, comment FROM duckdb_columns() \
     WHERE database_name = current_database() AND NOT internal ORDER BY 1, 2, column_index";

pub(super) const CONSTRAINTS: &str = "SELECT schema_name, table_name, constraint_type, constraint_text, \
     to_json(constraint_column_names)::VARCHAR, referenced_table, to_json(referenced_column_names)::VARCHAR, \
     constraint_name FROM duckdb_constraints() \
     WHERE database_name = current_database() AND constraint_type <> 'NOT NULL' ORDER BY 1, 2, constraint_index";

pub(super) const INDEXES: &str = "SELECT schema_name, table_name, index_name, is_unique, sql \
     FROM duckdb_indexes() WHERE database_name = current_database() ORDER BY 1, 2, 3";

pub(super) const ENUMS: &str = "SELECT schema_name, type_name, to_json(labels)::VARCHAR FROM duckdb_types() \
     WHERE database_name = current_database() AND NOT internal AND logical_type = 'ENUM' ORDER BY 1, 2";
