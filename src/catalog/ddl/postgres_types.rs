//! Names and types as PostgreSQL writes them.

use sqlparser::ast::{DataType, Expr, Ident, Value};

/// A name as the server keeps it.
pub(super) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// A type as the server writes it.
pub(super) fn type_name(data_type: &DataType) -> String {
    let written = data_type.to_string();
    if let Some(element) = written.strip_suffix("[]") {
        return format!("{}[]", canonical(element));
    }
    canonical(&written)
}

fn canonical(written: &str) -> String {
    let lower = if written.contains('"') { written.replace('"', "") } else { written.to_lowercase() };
    let (base, rest) =
        lower.split_once('(').map_or((lower.as_str(), None), |(base, rest)| (base, Some(rest)));
    let modifiers = rest.and_then(|rest| rest.split_once(')'));
    let (modifiers, tail) = modifiers.map_or((None, ""), |(inside, tail)| (Some(inside), tail));
    let base = format!("{}{tail}", base.trim());
    let name = match base.as_str() {
        "int" | "int4" | "serial" => "integer",
        "int8" | "bigserial" => "bigint",
        "int2" | "smallserial" => "smallint",
        "decimal" => "numeric",
        "varchar" | "char varying" => "character varying",
        "char" => "character",
        "bool" => "boolean",
        "float8" | "float" | "double" => "double precision",
        "float4" => "real",
        "timestamp" => return with_precision("timestamp", modifiers, " without time zone"),
        "timestamptz" | "timestamp with time zone" => {
            return with_precision("timestamp", modifiers, " with time zone");
        }
        "time" => return with_precision("time", modifiers, " without time zone"),
        other => other.strip_prefix("public.").unwrap_or(other),
    };
    match modifiers {
        None if name == "character" => "character(1)".to_owned(),
        None => name.to_owned(),
        Some(inside) => {
            let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
            match (name, parts.as_slice()) {
                ("numeric", [precision]) => format!("numeric({precision},0)"),
                (name, parts) => format!("{name}({})", parts.join(",")),
            }
        }
    }
}

fn with_precision(base: &str, modifiers: Option<&str>, tail: &str) -> String {
    modifiers.map_or_else(|| format!("{base}{tail}"), |digits| format!("{base}({digits}){tail}"))
}

/// Whether a type is an integer that counts up by itself.
pub(super) fn is_serial(data_type: &DataType) -> bool {
    matches!(data_type.to_string().to_lowercase().as_str(), "serial" | "bigserial" | "smallserial")
}

/// A default as the server writes it: texts with the type that they become.
pub(super) fn default_text(expr: &Expr, data_type: &str) -> String {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => {
                let base = data_type.split('(').next().unwrap_or(data_type);
                format!("'{}'::{base}", text.replace('\'', "''"))
            }
            Value::Boolean(truth) => truth.to_string(),
            other => other.to_string(),
        },
        Expr::Function(call) => {
            let text = call.to_string();
            let name = call.name.to_string();
            text.replacen(&name, &name.to_lowercase(), 1)
        }
        other => other.to_string(),
    }
}
