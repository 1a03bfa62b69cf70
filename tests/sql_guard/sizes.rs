//! Statements that are too large end in a refusal, on any stack.

use super::fixtures::guard;
use std::thread;
use vanna::sql::guard::GuardDialect;

/// The stack of a worker thread of the service.
const WORKER: usize = 2 << 20;

fn bombs() -> Vec<String> {
    let chain = |part: &str, times: usize| part.repeat(times);
    let nested = |open: &str, close: &str, times: usize| {
        format!("SELECT {}1{}", open.repeat(times), close.repeat(times))
    };
    vec![
        format!("SELECT 1{}", chain("+1", 30_000)),
        format!("SELECT 1{}", chain("+1", 990)),
        format!("SELECT 1 WHERE a=1{}", chain(" AND a=1", 490)),
        format!("SELECT 1{}", chain("::int", 900)),
        format!("SELECT a{}", chain(" LIKE b", 900)),
        format!("SELECT 1{}", chain(" UNION ALL SELECT 1", 190)),
        format!("SELECT 1{}", chain(" UNION ALL SELECT 1", 3_000)),
        format!("SELECT {}true", chain("NOT ", 8_000)),
        format!("SELECT {}1", chain("- ", 8_000)),
        format!("SELECT a{}", chain("[1]", 2_500)),
        format!("SELECT a{}", chain(".b", 3_900)),
        format!("SELECT a{}", chain(" IS NULL", 900)),
        format!("SELECT 1::int{}", chain("[]", 3_000)),
        format!("SELECT 1 FROM t{}", chain(" JOIN t", 60)),
        format!("SELECT 1 FROM t{}", chain(", t", 3_000)),
        format!("SELECT 1 {}", chain("/*", 15_000)),
        nested("(", ")", 18),
        nested("(", ")", 5_000),
        nested("abs(", ")", 18),
        nested("[", "]", 18),
        nested("(SELECT ", ")", 18),
        nested("CASE WHEN 1=1 THEN ", " END", 18),
        format!("SELECT CAST(1 AS {}INT{})", chain("ARRAY<", 300), chain(">", 300)),
        format!("SELECT * FROM {}t{}", chain("(", 18), chain(")", 18)),
        format!("SELECT * FROM {}t{}", chain("(SELECT * FROM ", 17), chain(") x", 17)),
        format!("{}SELECT 1{}", chain("(", 18), chain(")", 18)),
        format!("SELECT '{}'", chain("a", 32_000)),
        chain("SELECT ", 4_000),
        chain("x", 40_000),
    ]
}

#[test]
fn size_bombs_are_answered_on_the_stack_of_a_worker() {
    for dialect in GuardDialect::ALL {
        let worker = thread::Builder::new().stack_size(WORKER).spawn(move || {
            let guard = guard(dialect, None);
            for bomb in bombs() {
                if let Ok(verdict) = guard.check(&bomb) {
                    drop(verdict.clone());
                }
            }
        });
        worker.unwrap().join().unwrap();
    }
}

#[test]
fn the_limits_say_what_is_too_much() {
    let guard = guard(GuardDialect::Postgres, None);
    let code = |sql: &str| guard.check(sql).unwrap_err().code.as_str();
    assert_eq!(code(&format!("SELECT '{}'", "a".repeat(33_000))), "input_too_long");
    assert_eq!(code(&format!("SELECT 1{}", "+1".repeat(1_001))), "too_complex");
    assert_eq!(code("SELECT 1 \u{200b}"), "input_characters");
    assert_eq!(code("SELECT\u{a0}1"), "input_characters");
    assert_eq!(code("SELECT 1\0"), "input_characters");
    assert_eq!(code("SELECT 1 /*! x */"), "input_comment");
}
