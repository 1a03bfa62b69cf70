//! Policies by execution: what a tenant gets is what it would get were it alone in the database.

use rusqlite::Connection;
use rusqlite::types::Value;
use std::sync::Arc;
use vanna::sql::guard::{Guard, GuardDialect, Policy, Request, Schema, Verdict};

const POLICY: &str = "
name: tenants
relations:
  customers: {row_filter: 'tenant_id = {tenant_id}', deny_columns: [ssn], mask: {email: \"substr(email, 1, 1) || '***'\"}}
  orders: {row_filter: 'tenant_id = {tenant_id}'}
  items: {row_filter: 'order_id IN (SELECT id FROM orders WHERE tenant_id = {tenant_id})'}
  products: {}
denied_relations: [vault]
row_limit: 1000
";

const TABLES: &[(&str, &str)] = &[
    ("customers", "id, tenant_id, name, email, ssn"),
    ("orders", "id, tenant_id, customer_id, amount"),
    ("items", "order_id, product_id, qty"),
    ("products", "id, name, price"),
];

fn database(tenants: &[i64]) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for (name, columns) in TABLES {
        connection.execute_batch(&format!("CREATE TABLE {name} ({columns})")).unwrap();
    }
    connection.execute_batch("CREATE TABLE vault (secret); INSERT INTO vault VALUES ('top secret')").unwrap();
    for product in 1..=5 {
        connection.execute("INSERT INTO products VALUES (?1, 'p' || ?1, ?1 * 10)", [product]).unwrap();
    }
    for tenant in tenants {
        for n in 1..=6 {
            let id = tenant * 100 + n;
            let customer = "INSERT INTO customers VALUES (?1, ?2, 'c' || ?1, 'x' || ?1 || '@y', 'ssn' || ?1)";
            connection.execute(customer, [id, *tenant]).unwrap();
            connection.execute("INSERT INTO orders VALUES (?1, ?2, ?1, ?1 * 7 % 50)", [id, *tenant]).unwrap();
            connection.execute("INSERT INTO items VALUES (?1, ?1 % 5 + 1, ?1 % 3 + 1)", [id]).unwrap();
        }
    }
    connection
}

fn guard() -> Guard {
    guard_with(Some(Policy::from_text(POLICY).unwrap()))
}

fn guard_with(policy: Option<Policy>) -> Guard {
    let mut schema = Schema::default();
    for (name, columns) in TABLES {
        schema.add(None, name, columns.split(", ").map(str::to_owned).collect());
    }
    let principal = serde_json::json!({"tenant_id": 1}).as_object().cloned();
    Guard::new(Request { dialect: GuardDialect::Sqlite, schema: Some(schema), policy, principal })
}

/// As the service has it: the tenant is a parameter.
fn binding_guard() -> Guard {
    let policy = Arc::new(Policy::from_text(POLICY).unwrap());
    let principal = serde_json::json!({"tenant_id": 1, "unused": "x"}).as_object().cloned();
    guard_with(None).under(policy, &principal.unwrap())
}

/// Rows of what runs, with the statement's own parameters before those of the policy.
fn bound_rows(connection: &Connection, verdict: &Verdict, own: &[i64]) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(&verdict.sql).unwrap();
    let policy = verdict.bound.iter().map(|value| value.as_i64().unwrap());
    let values: Vec<i64> = own.iter().copied().chain(policy).collect();
    assert_eq!(statement.parameter_count(), values.len(), "{}", verdict.sql);
    let width = statement.column_count();
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
        (0..width).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()
    });
    let mut rows: Vec<Vec<Value>> = rows.unwrap().map(Result::unwrap).collect();
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let width = statement.column_count();
    let rows =
        statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>());
    let mut rows: Vec<Vec<Value>> = rows.unwrap().map(Result::unwrap).collect();
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

#[test]
fn a_tenant_sees_just_its_own_rows_whatever_the_statement_looks_like() {
    let (both, alone, guard, binding) = (database(&[1, 2]), database(&[1]), guard(), binding_guard());
    for sql in [
        "SELECT count(*) FROM orders",
        "SELECT tenant_id, count(*) FROM orders GROUP BY tenant_id",
        "SELECT o.id, i.qty FROM orders o LEFT JOIN items i ON i.order_id = o.id",
        "SELECT id FROM orders WHERE tenant_id = 2 OR 1 = 1",
        "SELECT id FROM orders UNION ALL SELECT id FROM main.orders",
        "WITH a AS (WITH orders AS (SELECT 5 AS id) SELECT id FROM orders) SELECT a.id, (SELECT count(*) FROM orders) FROM a",
        "WITH orders AS (SELECT 1 AS id, 1 AS tenant_id, 2 AS customer_id, 3 AS amount) SELECT (SELECT count(*) FROM items), id FROM orders",
        "SELECT name FROM products WHERE id IN (SELECT product_id FROM items)",
        "SELECT main.orders.id FROM main.orders ORDER BY main.orders.amount LIMIT 3",
        "SELECT max(amount) OVER (ORDER BY id) FROM orders",
        "SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
        "SELECT * FROM orders",
        "SELECT x.id FROM (orders) x, products p WHERE p.id = 1",
        "WITH RECURSIVE w(id) AS (SELECT min(id) FROM orders UNION ALL SELECT o.id FROM orders o JOIN w ON o.id = w.id + 1) SELECT id FROM w",
        "SELECT count(*) FROM products, orders",
        "SELECT id AS orders FROM orders ORDER BY orders",
    ] {
        let verdict = guard.check(sql).unwrap_or_else(|refusal| panic!("{refusal}\n{sql}"));
        assert_eq!(rows(&both, &verdict.sql), rows(&alone, sql), "{sql}\n{}", verdict.sql);
        assert!(!verdict.policies.is_empty(), "{sql}");
        let bound = binding.check(sql).unwrap_or_else(|refusal| panic!("{refusal}\n{sql}"));
        assert_eq!(bound_rows(&both, &bound, &[]), rows(&alone, sql), "{sql}\n{}", bound.sql);
        assert_eq!(bound.policies, verdict.policies);
    }
}

#[test]
fn values_of_the_caller_are_parameters_behind_those_of_the_statement() {
    let (both, alone, guard) = (database(&[1, 2]), database(&[1]), binding_guard());
    let sql =
        "SELECT o.id FROM orders o JOIN items i ON i.order_id = o.id WHERE o.amount > ?1 AND i.qty < ?2";
    let verdict = guard.check_with_parameters(sql, 2).unwrap();
    let written = sql.replace("?1", "10").replace("?2", "3");
    assert_eq!(bound_rows(&both, &verdict, &[10, 3]), rows(&alone, &written));
    assert_eq!(verdict.bound, [serde_json::json!(1), serde_json::json!(1)]);
    assert!(
        verdict.sql.contains("?3") && verdict.sql.contains("?4") && !verdict.sql.contains("= 1"),
        "{}",
        verdict.sql
    );
    assert!(guard.check("SELECT id FROM orders WHERE id = ?1").is_err(), "nobody brings a parameter along");
}

#[test]
fn a_list_of_the_caller_goes_into_in_and_an_empty_one_matches_nothing() {
    let policy =
        "relations: {orders: {row_filter: 'customer_id IN ({customers}) AND tenant_id = {tenant_id}'}}";
    let policy = Arc::new(Policy::from_text(policy).unwrap());
    let both = database(&[1, 2]);
    for (customers, expected) in [("[101, 203]", 1), ("[101, 102]", 2), ("[]", 0)] {
        let principal = format!("{{\"tenant_id\": 1, \"customers\": {customers}}}");
        let principal: serde_json::Value = serde_json::from_str(&principal).unwrap();
        let guard = guard_with(None).under(Arc::clone(&policy), principal.as_object().unwrap());
        let verdict = guard.check("SELECT id FROM orders").unwrap();
        assert_eq!(bound_rows(&both, &verdict, &[]).len(), expected, "{}", verdict.sql);
    }
}

#[test]
fn what_is_not_permitted_is_told_apart_from_what_is_not_there() {
    let guard = guard();
    for (sql, code) in [
        ("SELECT ssn FROM customers", "column_not_permitted"),
        ("SELECT c.ssn FROM customers c", "column_not_permitted"),
        ("SELECT name FROM customers ORDER BY ssn", "column_not_permitted"),
        ("SELECT count(*) FROM customers a JOIN customers b USING (ssn)", "column_not_permitted"),
        ("SELECT count(*) FROM customers a NATURAL JOIN customers b", "column_not_permitted"),
        ("SELECT (SELECT max(ssn) FROM customers) FROM products", "column_not_permitted"),
        ("SELECT secret FROM vault", "relation_not_permitted"),
        ("SELECT 1 FROM products WHERE EXISTS (SELECT * FROM vault)", "relation_not_permitted"),
        ("SELECT * FROM nothing", "relation_unknown"),
        ("SELECT nothing FROM orders", "column_unknown"),
        ("SELECT rowid FROM orders", "column_unknown"),
        ("SELECT * FROM temp.orders", "system_relation"),
    ] {
        assert_eq!(guard.check(sql).unwrap_err().code.as_str(), code, "{sql}");
    }
}

#[test]
fn masks_and_stars_show_only_what_is_permitted() {
    let (both, guard) = (database(&[1, 2]), guard());
    let verdict = guard.check("SELECT * FROM customers WHERE id = 101").unwrap();
    let names: Vec<&str> = verdict.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["id", "tenant_id", "name", "email"]);
    let found = rows(&both, &verdict.sql);
    assert_eq!(
        found,
        vec![vec![
            Value::Integer(101),
            Value::Integer(1),
            Value::Text("c101".into()),
            Value::Text("x***".into())
        ]]
    );
}

#[test]
fn the_row_limit_stands_around_the_statement() {
    let sql = guard().check("SELECT id FROM products LIMIT 5000").unwrap().sql;
    assert!(sql.ends_with(" AS limited LIMIT 1001"), "{sql}");
}

#[test]
fn values_of_the_principal_cannot_break_out_of_their_place() {
    let policy = Some(Policy::from_text("relations: {t: {row_filter: 'owner = {who}'}}").unwrap());
    let mut schema = Schema::default();
    schema.add(None, "t", vec!["owner".to_owned()]);
    let who = "x' OR '1'='1";
    let principal = serde_json::json!({"who": who}).as_object().cloned();
    let guard = Guard::new(Request {
        dialect: GuardDialect::Sqlite,
        schema: Some(schema.clone()),
        policy: policy.clone(),
        principal,
    });
    let sql = guard.check("SELECT count(*) FROM t").unwrap().sql;
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t (owner); INSERT INTO t VALUES ('x'), ('y')").unwrap();
    assert_eq!(rows(&connection, &sql), vec![vec![Value::Integer(0)]]);
    let nobody =
        Guard::new(Request { dialect: GuardDialect::Sqlite, schema: Some(schema), policy, principal: None });
    assert_eq!(nobody.check("SELECT * FROM t").unwrap_err().code.as_str(), "principal_incomplete");
}
