//! Constant arguments that decide how much a function produces.

use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Body, Call, Expr, Item, Literal, Piece, Query};

/// Rows or elements that a series of constants may have.
const SERIES: f64 = 1_000_000.0;
/// Characters that a constant may ask a function to produce.
const CHARACTERS: f64 = 100_000.0;
const EXPONENT: f64 = 1_000.0;
const FACTORIAL: f64 = 500.0;

fn too_large(what: &str) -> Refusal {
    Refusal::new(Code::ConstantTooLarge, format!("{what} would produce too much; use a smaller number."))
}

fn cap(value: Option<f64>, limit: f64, what: &str) -> Checked<()> {
    match value {
        Some(value) if value.is_nan() || value.abs() > limit => Err(too_large(what)),
        _other => Ok(()),
    }
}

/// Checks the constants of a call.
pub(crate) fn check_call(call: &Call, dialect: GuardDialect) -> Checked<()> {
    let name = call.listed.as_str();
    let arg = |at: usize| call.expressions().nth(at);
    // What is not constant may still hold a factor that is too large.
    let value = |at: usize| arg(at).and_then(|arg| constant(arg).or_else(|| largest_part(arg)));
    match name {
        "repeat" | "replicate" => {
            cap(value(1), CHARACTERS, name)?;
            let nested = arg(0).is_some_and(produces);
            if nested && value(1).is_none_or(|count| count > 100.0) {
                return Err(too_large("A repetition of a repetition"));
            }
            Ok(())
        }
        "lpad" | "rpad" | "leftpad" | "rightpad" => cap(value(1), CHARACTERS, name),
        "space" | "zeroblob" | "randomblob" | "randstr" | "random_bytes" => cap(value(0), CHARACTERS, name),
        "array_resize" | "list_resize" => cap(value(1), CHARACTERS, name),
        "array_fill" => cap(arg(1).map(elements), CHARACTERS, name),
        "bar" => cap(value(3), CHARACTERS, name),
        "power" | "pow" => cap(value(1), EXPONENT, name),
        "factorial" => cap(value(0), FACTORIAL, name),
        "generate_series" if dialect == GuardDialect::Sqlite && arg(1).is_none() => {
            Err(too_large("A series without an end"))
        }
        "generate_series"
        | "range"
        | "generate_array"
        | "array_generate_range"
        | "sequence"
        | "generate_timestamp_array"
        | "generate_date_array" => check_series(call, name),
        "generator" => check_generator(call),
        "format" | "printf" | "sformat" => match arg(0) {
            Some(Expr::Literal(Literal::Text(text))) if has_wide_field(text) => {
                Err(too_large("A width of a format"))
            }
            _other => Ok(()),
        },
        _other => Ok(()),
    }
}

fn produces(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            matches!(call.listed.as_str(), "repeat" | "replicate" | "lpad" | "rpad" | "space")
                || call.expressions().any(produces)
        }
        Expr::Form(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Piece::Expr(inner) if produces(inner)))
        }
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Query(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => false,
    }
}

fn check_series(call: &Call, name: &str) -> Checked<()> {
    cap(series_length(call), SERIES, name)?;
    let mut arguments = call.expressions();
    if let (Some(from), Some(to), Some(step)) = (arguments.next(), arguments.next(), arguments.next()) {
        let year = |expr| text_of(expr).and_then(|text| text.get(..4)?.parse::<f64>().ok());
        if let (Some(from), Some(to)) = (year(from), year(to))
            && (to - from).abs() > 1.0
            && is_short(step)
        {
            return Err(too_large("A series of moments"));
        }
    }
    Ok(())
}

/// Whether an interval is one of minutes or less.
fn is_short(step: &Expr) -> bool {
    let names_unit = |text: &str| {
        let lower = text.to_ascii_lowercase();
        ["second", "milli", "micro", "nano", "minute"].iter().any(|unit| lower.contains(unit))
    };
    match step {
        Expr::Literal(Literal::Text(text)) => names_unit(text),
        Expr::Form(pieces) => pieces.iter().any(|piece| match piece {
            Piece::Expr(inner) => is_short(inner),
            Piece::Type(unit) => names_unit(unit),
            Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Window(_) => false,
        }),
        Expr::Call(call) => names_unit(&call.listed),
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Query(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => false,
    }
}

/// The text of a literal, perhaps within a cast.
fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(Literal::Text(text)) => Some(text),
        Expr::Form(pieces) => pieces.iter().find_map(|piece| match piece {
            Piece::Expr(inner) => text_of(inner),
            Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Window(_) | Piece::Type(_) => None,
        }),
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Call(_)
        | Expr::Query(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => None,
    }
}

/// How many numbers a series of constants has.
fn series_length(call: &Call) -> Option<f64> {
    let mut values = call.expressions().map(constant);
    let first = values.next().flatten()?;
    let (from, to) = match values.next() {
        None => (0.0, first),
        Some(second) => (first, second?),
    };
    let step = values.next().flatten().unwrap_or(1.0);
    Some(if step == 0.0 { f64::INFINITY } else { ((to - from) / step).abs() })
}

fn check_generator(call: &Call) -> Checked<()> {
    let pieces = call.arguments.as_deref().unwrap_or_default();
    for window in pieces.windows(3) {
        if let [Piece::Ident(name), Piece::Word("=>"), Piece::Expr(value)] = window {
            if name.is_word("timelimit") {
                return Err(too_large("A generator with a time limit"));
            }
            match constant(value) {
                Some(count) if count <= SERIES => {}
                _other => return Err(too_large("The generator")),
            }
        }
    }
    Ok(())
}

/// Rows that a function in FROM gives when its arguments are constants; else 1.
pub(crate) fn constant_rows(pieces: &[Piece]) -> f64 {
    let calls = pieces.iter().filter_map(|piece| match piece {
        Piece::Expr(Expr::Call(call)) => Some(call),
        Piece::Expr(_)
        | Piece::Word(_)
        | Piece::Glue(_)
        | Piece::Ident(_)
        | Piece::Window(_)
        | Piece::Type(_) => None,
    });
    let lengths = calls.filter_map(|call| match call.listed.as_str() {
        "generate_series" | "range" | "generate_array" => series_length(call),
        "generator" => call.arguments.as_deref().and_then(|pieces| {
            pieces.iter().find_map(|piece| match piece {
                Piece::Expr(value) => constant(value),
                Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Window(_) | Piece::Type(_) => None,
            })
        }),
        "unnest" => call.expressions().find_map(|expr| match expr {
            Expr::Call(inner) => series_length(inner),
            _other => None,
        }),
        _other => None,
    });
    lengths.product::<f64>().max(1.0)
}

/// Checks the constants of a form: powers.
pub(crate) fn check_form(pieces: &[Piece]) -> Checked<()> {
    match pieces {
        [Piece::Expr(base), Piece::Word("^" | "**"), Piece::Expr(exponent)] => {
            // A tower of powers grows past any bound before its exponent is known.
            let tower = matches!(exponent, Expr::Form(inner) if inner.contains(&Piece::Word("^")))
                && matches!(base, Expr::Literal(_));
            if tower {
                return Err(too_large("A tower of powers"));
            }
            cap(constant(exponent), EXPONENT, "A power")
        }
        _other => Ok(()),
    }
}

/// The value of an expression of numbers alone.
pub(crate) fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(Literal::Number(text)) => text.replace('_', "").parse().ok(),
        Expr::Form(pieces) => match pieces.as_slice() {
            [Piece::Word("(" | "+"), Piece::Expr(inner), ..] => constant(inner),
            [Piece::Word("-"), Piece::Expr(inner)] => constant(inner).map(|value| -value),
            [Piece::Word("CAST("), Piece::Expr(inner), ..] | [Piece::Expr(inner), Piece::Glue("::"), ..] => {
                constant(inner)
            }
            [Piece::Expr(left), Piece::Word(sign), Piece::Expr(right)] => {
                let (left, right) = (constant(left)?, constant(right)?);
                match *sign {
                    "+" => Some(left + right),
                    "-" => Some(left - right),
                    "*" => Some(left * right),
                    "/" => Some(left / right),
                    "^" | "**" => Some(left.powf(right)),
                    "<<" => Some(left * 2.0_f64.powf(right)),
                    _other => None,
                }
            }
            _other => None,
        },
        Expr::Call(call) if matches!(call.listed.as_str(), "power" | "pow") => {
            let mut values = call.expressions().map(constant);
            Some(values.next()??.powf(values.next()??))
        }
        Expr::Literal(Literal::Text(text)) => text.trim().parse().ok(),
        Expr::Query(query) => only_item(query).and_then(constant),
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Call(_)
        | Expr::Star(_)
        | Expr::Field(..)
        | Expr::Lambda { .. } => None,
    }
}

/// The one value of a query that reads nothing.
fn only_item(query: &Query) -> Option<&Expr> {
    match &query.body {
        Body::Query(inner) => only_item(inner),
        Body::Select(select) if select.from.is_empty() => match select.items.as_slice() {
            [Item::Expr { expr, .. }] => Some(expr),
            _other => None,
        },
        Body::Values { rows, .. } => match rows.as_slice() {
            [row] => row.first(),
            _other => None,
        },
        Body::Select(_) | Body::Set { .. } => None,
    }
}

/// The largest constant factor or summand of an expression that is not constant.
fn largest_part(expr: &Expr) -> Option<f64> {
    let Expr::Form(pieces) = expr else { return None };
    let part = |expr: &Expr| constant(expr).map(f64::abs).or_else(|| largest_part(expr));
    match pieces.as_slice() {
        [Piece::Expr(left), Piece::Word("*" | "+"), Piece::Expr(right)] => {
            [part(left), part(right)].into_iter().flatten().reduce(f64::max)
        }
        [Piece::Word("(" | "CAST("), Piece::Expr(inner), ..]
        | [Piece::Expr(inner), Piece::Glue("::"), ..] => part(inner),
        _other => None,
    }
}

/// The product of the numbers of an array of lengths.
fn elements(expr: &Expr) -> f64 {
    match expr {
        Expr::Form(pieces) if constant(expr).is_none() => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Expr(inner) => elements(inner),
                Piece::Word(_) | Piece::Glue(_) | Piece::Ident(_) | Piece::Window(_) | Piece::Type(_) => 1.0,
            })
            .product(),
        _other => constant(expr).map_or(1.0, f64::abs),
    }
}

/// Whether a format pads to thousands of characters.
fn has_wide_field(format: &str) -> bool {
    let mut digits = 0;
    let mut within = false;
    for c in format.chars() {
        match c {
            '%' => (within, digits) = (!within, 0),
            '{' => (within, digits) = (true, 0),
            '}' => within = false,
            '0'..='9' if within => digits += 1,
            '*' if within => return true,
            c if c.is_ascii_alphabetic() => within = false,
            _other => {}
        }
        if digits > 4 {
            return true;
        }
    }
    false
}
