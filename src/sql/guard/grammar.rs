//! Dialects of the parser with what the engines have and it leaves out.

#![expect(unreachable_pub, reason = "the macro makes public types")]

use sqlparser::derive_dialect;
use sqlparser::dialect::{BigQueryDialect, DuckDbDialect, MsSqlDialect, MySqlDialect, SQLiteDialect};

// MySQL has units such as YEAR_MONTH; SQL Server has ROLLUP and GROUPING SETS in both spellings.
derive_dialect!(GuardMySql, MySqlDialect, preserve_type_id = true, overrides = { allow_extract_custom = true, supports_bang_not_operator = true, supports_parens_around_table_factor = true });
derive_dialect!(
    GuardSqlite,
    SQLiteDialect,
    preserve_type_id = true,
    overrides = { supports_bitwise_shift_operators = true, supports_parens_around_table_factor = true }
);
derive_dialect!(
    GuardMsSql,
    MsSqlDialect,
    preserve_type_id = true,
    overrides = { supports_group_by_with_modifier = true, supports_group_by_expr = true, supports_bitwise_shift_operators = true }
);
// DuckDB has IGNORE NULLS among the arguments.
derive_dialect!(
    GuardDuckDb,
    DuckDbDialect,
    preserve_type_id = true,
    overrides = { supports_window_function_null_treatment_arg = true, supports_select_wildcard_rename = true, supports_string_escape_constant = true }
);
derive_dialect!(
    GuardBigQuery,
    BigQueryDialect,
    preserve_type_id = true,
    overrides = { supports_bitwise_shift_operators = true }
);
