//! Identifiers: what can be written safely, and words that are commands in disguise.

use super::Lower;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::Ident;
use sqlparser::ast;

const LONGEST: usize = 300;

/// Words that end the statement and begin another one where SQL Server stands.
const COMMANDS: &[&str] = &[
    "alter",
    "backup",
    "begin",
    "break",
    "bulk",
    "checkpoint",
    "close",
    "commit",
    "continue",
    "dbcc",
    "deallocate",
    "declare",
    "delete",
    "deny",
    "drop",
    "dump",
    "exec",
    "execute",
    "fetch",
    "go",
    "goto",
    "grant",
    "if",
    "insert",
    "kill",
    "load",
    "merge",
    "open",
    "print",
    "raiserror",
    "readtext",
    "reconfigure",
    "restore",
    "return",
    "revert",
    "revoke",
    "rollback",
    "save",
    "set",
    "setuser",
    "shutdown",
    "throw",
    "truncate",
    "update",
    "updatetext",
    "use",
    "waitfor",
    "while",
    "writetext",
];

/// Words that no engine takes for a name unless they are quoted. The parser does, and would make a column `INTO`
/// of what PostgreSQL reads as an order to create a table.
const RESERVED: &[&str] = &[
    "and", "as", "create", "distinct", "else", "from", "group", "having", "in", "into", "not", "on", "or",
    "order", "select", "then", "union", "when", "where", "with",
];

/// Words that PostgreSQL reads as something else than a relation.
const NO_RELATION: &[&str] = &["only", "lateral", "rows", "xmltable"];

/// Session values that are written like columns.
const SESSION: &[&str] = &[
    "current_catalog",
    "current_role",
    "current_schema",
    "current_user",
    "session_user",
    "system_user",
    "user",
];

impl Lower<'_> {
    pub(super) fn ident(&self, ident: ast::Ident) -> Checked<Ident> {
        let ast::Ident { value, quote_style, span: _ } = ident;
        if value.is_empty() || value.len() > LONGEST || value.chars().any(char::is_control) {
            let reason = "A name is empty, too long, or holds control characters; use another one.";
            return Err(Refusal::new(Code::NameNotAllowed, reason));
        }
        if quote_style == Some('\'') {
            // A text where a name should be: some engines take it for a file or for a name.
            let reason = format!("'{value}' stands where a name should be; write it without quotes.");
            return Err(Refusal::new(Code::NameNotAllowed, reason));
        }
        if quote_style.is_some() {
            // BigQuery escapes within backticks as within texts, which the parser does not.
            if self.dialect == GuardDialect::Bigquery && value.contains(['`', '\\']) {
                return Err(Refusal::new(Code::NameNotAllowed, "A name holds a backtick or a backslash."));
            }
            return Ok(Ident::quoted(value));
        }
        if value.starts_with(['@', '$']) {
            let reason = format!("Variables such as {value} are not allowed; write the value.");
            return Err(Refusal::new(Code::VariableNotAllowed, reason));
        }
        if value.starts_with('#') {
            return Err(Refusal::new(Code::NameNotAllowed, "Temporary objects are not allowed."));
        }
        let plain = value.chars().all(|c| c.is_alphanumeric() || c == '_');
        let starts = value.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if plain && starts {
            return Ok(Ident::plain(value));
        }
        match self.dialect {
            // Names of projects hold hyphens, names of wildcard tables end in a star.
            GuardDialect::Bigquery => Ok(Ident::quoted(value)),
            GuardDialect::Mysql => Ok(Ident::quoted(value)),
            GuardDialect::Postgres
            | GuardDialect::Sqlite
            | GuardDialect::Duckdb
            | GuardDialect::Snowflake
            | GuardDialect::Mssql => {
                if value.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$') && starts {
                    return Ok(Ident::plain(value));
                }
                Err(Refusal::new(Code::NameNotAllowed, format!("The name {value} is not allowed; quote it.")))
            }
        }
    }

    pub(super) fn idents(&self, idents: Vec<ast::Ident>) -> Checked<Vec<Ident>> {
        idents.into_iter().map(|ident| self.ident(ident)).collect()
    }

    /// A name with dots. What looks like a column of a sequence takes its next number.
    pub(super) fn compound(&self, parts: Vec<ast::Ident>) -> Checked<Vec<Ident>> {
        let parts = self.idents(parts)?;
        if let [first, ..] = parts.as_slice() {
            no_keyword(first)?;
        }
        let takes = |part: &Ident| part.is_word("nextval") || part.is_word("currval");
        if self.dialect == GuardDialect::Snowflake && parts.last().is_some_and(takes) {
            return Err(Refusal::write("A number of a sequence"));
        }
        Ok(parts)
    }

    /// A name given to a column or a source.
    pub(super) fn alias(&self, ident: ast::Ident) -> Checked<Ident> {
        let ident = if ident.quote_style == Some('\'') {
            // Some dialects let a text name a column.
            ast::Ident { quote_style: Some('"'), ..ident }
        } else {
            ident
        };
        let ident = self.ident(ident)?;
        let hidden = self.dialect == GuardDialect::Mssql && !ident.quoted;
        if hidden && COMMANDS.binary_search(&ident.text.to_ascii_lowercase().as_str()).is_ok() {
            let reason =
                format!("`{}` is a command of SQL Server; quote it or take another name.", ident.text);
            return Err(Refusal::new(Code::NameNotAllowed, reason));
        }
        Ok(ident)
    }

    pub(super) fn object_name(&self, name: ast::ObjectName) -> Checked<Vec<Ident>> {
        let ast::ObjectName(parts) = name;
        let last = parts.len().saturating_sub(1);
        // `database..table` of SQL Server and Snowflake leaves the schema out.
        let absent = match self.dialect {
            GuardDialect::Mssql => Some("dbo"),
            GuardDialect::Snowflake => Some("PUBLIC"),
            GuardDialect::Postgres
            | GuardDialect::Sqlite
            | GuardDialect::Mysql
            | GuardDialect::Duckdb
            | GuardDialect::Bigquery => None,
        };
        let left_out = |at: usize, part: &ast::ObjectNamePart| match part {
            ast::ObjectNamePart::Identifier(ident) => {
                absent.is_some() && at > 0 && at < last && ident.value.is_empty()
            }
            ast::ObjectNamePart::Function(_) => false,
        };
        parts
            .into_iter()
            .enumerate()
            .map(|(at, part)| {
                if left_out(at, &part) {
                    (at, ast::ObjectNamePart::Identifier(ast::Ident::new(absent.unwrap_or_default())))
                } else {
                    (at, part)
                }
            })
            .map(|(_, part)| match part {
                ast::ObjectNamePart::Identifier(ident) => self.ident(ident),
                ast::ObjectNamePart::Function(_) => Err(Refusal::new(
                    Code::NameNotAllowed,
                    "A name must be written out, not computed by IDENTIFIER(…).",
                )),
            })
            .collect()
    }

    /// A relation's name.
    pub(super) fn relation_name(&self, name: ast::ObjectName) -> Checked<Vec<Ident>> {
        let name = self.object_name(name)?;
        if let [first, ..] = name.as_slice() {
            no_keyword(first)?;
        }
        if let [only] = name.as_slice() {
            let lower = only.text.to_ascii_lowercase();
            if !only.quoted && NO_RELATION.contains(&lower.as_str()) {
                return Err(Refusal::clause(&format!("`{}` before a table", only.text)));
            }
            if !only.quoted
                && self.dialect == GuardDialect::Mssql
                && COMMANDS.binary_search(&lower.as_str()).is_ok()
            {
                return Err(Refusal::new(Code::NameNotAllowed, format!("`{}` is a command.", only.text)));
            }
        }
        Ok(name)
    }

    /// A column's name; session values that look like one are refused.
    pub(super) fn column_name(&self, ident: ast::Ident) -> Checked<Ident> {
        let ident = self.ident(ident)?;
        no_keyword(&ident)?;
        let lower = ident.text.to_ascii_lowercase();
        if ident.quoted || !SESSION.contains(&lower.as_str()) {
            return Ok(ident);
        }
        let is_session = match self.dialect {
            GuardDialect::Postgres | GuardDialect::Mssql | GuardDialect::Duckdb => true,
            GuardDialect::Mysql | GuardDialect::Snowflake => {
                lower.starts_with("current_") || lower == "session_user"
            }
            GuardDialect::Sqlite | GuardDialect::Bigquery => false,
        };
        if is_session {
            let reason = format!("{} tells about the session; it is not allowed.", ident.text);
            return Err(Refusal::new(Code::VariableNotAllowed, reason));
        }
        Ok(ident)
    }
}

/// A word of the language is no name.
fn no_keyword(name: &Ident) -> Checked<()> {
    let lower = name.text.to_ascii_lowercase();
    if name.quoted || RESERVED.binary_search(&lower.as_str()).is_err() {
        return Ok(());
    }
    if lower == "into" {
        return Err(Refusal::write("INTO"));
    }
    let reason = format!("`{}` is a word of SQL; quote it where it is a name.", name.text);
    Err(Refusal::new(Code::NameNotAllowed, reason))
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, RESERVED};

    #[test]
    fn the_words_are_sorted_so_that_they_can_be_searched() {
        assert!(COMMANDS.is_sorted() && RESERVED.is_sorted());
    }
}
