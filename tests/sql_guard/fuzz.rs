//! Mutated statements: no panic, one SELECT, and SQLite agrees with the verdict. `VANNA_FUZZ=1000000`
//! runs that many; the seed that repeats a run is printed.

use super::engine::{self, TABLES};
use super::fixtures::{guard, statements};
use super::random::Random;
use vanna::sql::guard::GuardDialect;

fn count() -> usize {
    std::env::var("VANNA_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(3_000)
}

fn seed() -> u64 {
    let fresh = u64::from(std::process::id());
    let seed = std::env::var("VANNA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(fresh);
    println!("VANNA_SEED={seed} repeats this run");
    seed
}

const BITS: &[&str] = &[
    "'",
    "\"",
    "`",
    "[",
    "]",
    "\\",
    "''",
    "\\'",
    ";",
    "--",
    "/*",
    "*/",
    "(",
    ")",
    ",",
    ".",
    "*",
    " ",
    "\n",
    "::",
    "||",
    "=",
    "<",
    " UNION SELECT secret FROM vault ",
    " FROM vault ",
    " AS ",
    " IN orders ",
    " LIMIT ",
    " WHERE ",
    "vault",
    "orders",
    "customers",
    "main.",
    "temp.",
    "sqlite_master",
    "rowid",
    "NULL",
    "0",
    "X'",
    "N'",
    "E'",
    "$$",
    "?",
    ":a",
    "@a",
    "load_extension(",
    "abs(",
    "(SELECT ",
    "WITH x AS (SELECT 1) ",
    "DELETE FROM orders ",
    "INTO x",
    "FOR UPDATE",
    "COLLATE ",
    "ESCAPE '",
    "CAST(",
    " AS TEXT)",
    "{",
    "}",
    "é",
    "\u{200b}",
    "1e9",
    "-",
    "+",
    "%",
    "!",
    "|",
    "&",
    "#",
];

fn mutated(random: &mut Random, corpus: &[String]) -> String {
    let mut text = random.pick(corpus).clone();
    for _ in 0..=random.below(4) {
        let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = *random.pick(&boundaries);
        match random.below(5) {
            0 => text.insert_str(at, random.pick::<&str>(BITS)),
            1 => {
                let end = *random.pick(&boundaries);
                let (from, to) = (at.min(end), at.max(end).min(at.min(end) + 12));
                let to = *boundaries.iter().rfind(|boundary| **boundary <= to).unwrap();
                text.replace_range(from..to.max(from), random.pick::<&str>(BITS));
            }
            2 => {
                let other = random.pick(corpus);
                let ends: Vec<usize> = other.char_indices().map(|(at, _)| at).chain([other.len()]).collect();
                text = format!("{}{}", &text[..at], &other[*random.pick(&ends)..]);
            }
            3 => {
                let words: Vec<&str> = text.split(' ').collect();
                let (one, two) = (random.below(words.len()), random.below(words.len()));
                let mut words = words.clone();
                words.swap(one, two);
                text = words.join(" ");
            }
            _ => {
                let (name, columns) = random.pick(TABLES);
                let bit = if random.below(2) == 0 {
                    (*name).to_owned()
                } else {
                    (*random.pick(columns)).to_owned()
                };
                text.insert_str(at, &format!(" {bit} "));
            }
        }
    }
    text
}

#[test]
fn whatever_the_guard_lets_pass_is_one_query_that_reads_back_the_same() {
    let mut random = Random::new(seed());
    let dialects = GuardDialect::ALL.map(|dialect| {
        let corpus: Vec<String> =
            statements("legit", dialect).into_iter().chain(statements("attacks", dialect)).collect();
        (guard(dialect, None), corpus)
    });
    for _ in 0..count() {
        let (guard, corpus) = random.pick(&dialects);
        let sql = mutated(&mut random_of(&mut random), corpus);
        let Ok(verdict) = guard.check(&sql) else { continue };
        let start = verdict.sql.trim_start_matches('(').split([' ', '(']).next().unwrap().to_owned();
        assert!(["SELECT", "WITH", "VALUES"].contains(&start.as_str()), "{sql}\n{}", verdict.sql);
        let again =
            guard.check(&verdict.sql).unwrap_or_else(|refusal| panic!("{refusal}\n{sql}\n{}", verdict.sql));
        assert_eq!(again.sql, verdict.sql, "from {sql}");
    }
}

fn random_of(random: &mut Random) -> Random {
    Random::new(random.next())
}

#[test]
fn sqlite_agrees_with_what_the_verdict_says() {
    let mut random = Random::new(seed());
    let guard = guard(GuardDialect::Sqlite, Some(engine::schema()));
    let mut connection = engine::database();
    let corpus: Vec<String> = OWN.iter().map(|sql| (*sql).to_owned()).collect();
    let mut agreed = 0_usize;
    for _ in 0..count() {
        let mut sql = random.pick(&corpus).clone();
        if random.below(3) == 0 {
            sql = mutated(&mut random, &corpus);
        } else {
            rename(&mut sql, &mut random);
        }
        let Ok(verdict) = guard.check(&sql) else { continue };
        let Some(touched) = engine::touched(&mut connection, &verdict.sql) else { continue };
        assert!(touched.other.is_empty(), "{:?} in {}\nfrom {sql}", touched.other, verdict.sql);
        for table in &touched.tables {
            assert!(verdict.tables.contains(table), "{table} is read by {}\nfrom {sql}", verdict.sql);
        }
        for column in touched.columns.iter().filter(|column| is_column(column)) {
            assert!(verdict.columns.contains(column), "{column} is read by {}\nfrom {sql}", verdict.sql);
        }
        agreed += 1;
    }
    assert!(agreed * 20 > count(), "only {agreed} of {} reached the engine", count());
}

/// Puts other columns, aliases and clauses in, so that most statements stay whole.
fn rename(sql: &mut String, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let (_, columns) = random.pick(TABLES);
        let (_, others) = random.pick(TABLES);
        let (from, to) = (random.pick::<&str>(columns), random.pick::<&str>(others));
        *sql = match random.below(6) {
            0 | 1 => sql.replace(*from, to),
            2 => sql.replacen(" FROM ", &format!(", {to} AS x FROM "), 1),
            3 => sql.replacen(
                " FROM ",
                &format!(", (SELECT max({to}) FROM {}) AS y FROM ", random.pick(TABLES).0),
                1,
            ),
            4 => format!("SELECT * FROM ({sql}) q JOIN {} r ON 1 = 1", random.pick(TABLES).0),
            _ => format!(
                "WITH {} AS ({sql}) SELECT * FROM {}, orders",
                random.pick(TABLES).0,
                random.pick(TABLES).0
            ),
        };
    }
}

/// A row has an identity that is no column of the catalog.
fn is_column(name: &str) -> bool {
    TABLES.iter().any(|(table, columns)| columns.iter().any(|column| name == format!("{table}.{column}")))
}

const OWN: &[&str] = &[
    "SELECT id, amount FROM orders WHERE status = 'paid' ORDER BY amount DESC LIMIT 3",
    "SELECT c.name, sum(o.amount) AS total FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.name",
    "WITH t AS (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) SELECT * FROM t WHERE n > 1",
    "SELECT * FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE amount > 5)",
    "SELECT p.name FROM products p WHERE EXISTS (SELECT 1 FROM order_items i WHERE i.product_id = p.id)",
    "SELECT id FROM orders UNION SELECT id FROM events",
    "SELECT o.*, row_number() OVER (PARTITION BY customer_id ORDER BY created_at) AS rn FROM orders o",
    "SELECT city, count(*) FROM customers GROUP BY city HAVING count(*) > 1 ORDER BY 2",
    "SELECT a.id FROM orders a LEFT JOIN order_items USING (id)",
    "SELECT kind, json_extract(payload, '$.a') FROM events",
    "SELECT x.n FROM (SELECT count(*) AS n, status FROM orders GROUP BY status) x",
    "SELECT \"status\", [note], `amount` FROM main.orders",
];

/// With PostgreSQL's own parser at hand: what the guard would let pass is read there as one query that changes
/// nothing. Texts that PostgreSQL cannot read at all are no disagreement.
#[cfg(feature = "libpg-query")]
#[test]
fn postgres_reads_what_the_guard_lets_pass_in_the_same_way() {
    let mut random = Random::new(seed());
    let dialect = GuardDialect::Postgres;
    let corpus: Vec<String> =
        statements("legit", dialect).into_iter().chain(statements("attacks", dialect)).collect();
    let guard = guard(dialect, None);
    let mut passed = 0;
    for _ in 0..count() {
        let sql = mutated(&mut random_of(&mut random), &corpus);
        match guard.check(&sql) {
            Ok(_) => passed += 1,
            Err(refusal) => assert!(!refusal.reason.contains("PostgreSQL's parser"), "{refusal}\n{sql}"),
        }
    }
    println!("{passed} passed");
    assert!(passed > 0);
}
