//! Connections over TLS: verified, or none.

use crate::cluster::{cluster, connect};
use crate::mariadb_server;
use crate::postgres::run;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;
use std::time::Duration;
use tokio_postgres::Client;
use vanna::catalog::engines::PostgresCatalog;
use vanna::sql::runner::{MysqlSource, PostgresSource};
use vanna_actors::ports::sql::Value;

pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Has the server write a file into its own directory, as it must own its key.
async fn put(owner: &Client, name: &str, pem: &str) {
    let lines = pem.lines().map(|line| format!("'{line}'")).collect::<Vec<_>>().join(",");
    let program = format!("umask 077; cat > {name}");
    owner
        .batch_execute(&format!("COPY (SELECT unnest(ARRAY[{lines}])) TO PROGRAM '{program}'"))
        .await
        .unwrap();
}

/// A certificate for a server on this machine, and its key.
pub(crate) fn certificate(authority: &CertifiedIssuer<'_, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

async fn with_certificate(dsn: &str, authority: &CertifiedIssuer<'_, KeyPair>) {
    let (certificate, key) = certificate(authority);
    let owner = connect(dsn).await;
    put(&owner, "server.key", &key).await;
    put(&owner, "server.crt", &certificate).await;
    owner.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    owner.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while connect(dsn).await.query_one("SHOW ssl", &[]).await.unwrap().get::<_, &str>(0) != "on" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_server_is_spoken_to_over_tls_when_its_certificate_is_trusted_and_not_at_all_otherwise() {
    let Some(cluster) = cluster() else { return };
    let dsn = cluster.database().await;
    let (ours, strange) = (authority(), authority());
    with_certificate(&dsn, &ours).await;
    let home = tempfile::tempdir().unwrap();
    let url = |file: &Path, authority: &CertifiedIssuer<'_, KeyPair>| {
        std::fs::write(file, authority.pem()).unwrap();
        format!("{dsn}?sslmode=require&sslrootcert={}", file.display())
    };

    let trusted = url(&home.path().join("ours.pem"), &ours);
    let source = PostgresSource::open("shop", &trusted).await.unwrap();
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(run(&source, sql).await.unwrap().result.rows, [[Value::Bool(true)]]);
    PostgresCatalog::connect(&trusted).await.unwrap().probe().await.unwrap();

    for url in [url(&home.path().join("strange.pem"), &strange), format!("{dsn}?sslmode=require")] {
        let Err(error) = PostgresSource::open("shop", &url).await else { panic!("{url} is trusted") };
        assert!(error.to_string().contains("certificate"), "{error}");
        let Err(error) = PostgresCatalog::connect(&url).await else { panic!("{url} is trusted") };
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let plain = PostgresSource::open("shop", &format!("{dsn}?sslmode=disable")).await.unwrap();
    assert_eq!(run(&plain, sql).await.unwrap().result.rows, [[Value::Bool(false)]]);
}

#[tokio::test]
async fn mariadb_is_spoken_to_over_tls_when_its_certificate_is_trusted_and_not_at_all_otherwise() {
    let Some(server) = mariadb_server::server() else { return };
    let url = server.database().await;
    let home = tempfile::tempdir().unwrap();
    let strange = home.path().join("strange.pem");
    std::fs::write(&strange, authority().pem()).unwrap();

    let trusted = format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", server.authority().display());
    let source = MysqlSource::open("shop", &trusted).await.unwrap();
    let sql = "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'";
    assert_eq!(run(&source, sql).await.unwrap().result.rows, [[Value::Int(1)]]);
    for url in
        [format!("{url}?ssl-mode=REQUIRED&ssl-ca={}", strange.display()), format!("{url}?ssl-mode=REQUIRED")]
    {
        let Err(error) = MysqlSource::open("shop", &url).await else { panic!("{url} is trusted") };
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(!error.to_string().contains("owner"), "{error}");
    }
    let plain = MysqlSource::open("shop", &url).await.unwrap();
    assert_eq!(run(&plain, sql).await.unwrap().result.rows, [[Value::Int(0)]]);
}
