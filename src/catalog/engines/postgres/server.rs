//! A server, and how it is reached: over TLS with its certificate verified, unless it is on this machine or the
//! connection string says otherwise.

use super::connection::PostgresError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// What is read from a connection string here; the rest is read by the library.
const OURS: [&str; 2] = ["sslmode", "sslrootcert"];

/// What drives a connection.
pub(crate) type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// A server with role and database.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Server {
    /// Reads a connection string. Without `sslmode` a server on this machine is reached in plain, any other over TLS.
    /// `sslrootcert` names a file of certificates that are trusted instead of the system's.
    ///
    /// # Errors
    /// [`PostgresError::ConnectionString`], [`PostgresError::TlsMode`] or [`PostgresError::Certificates`].
    pub(crate) fn of(dsn: &str, application: &str) -> Result<Self, PostgresError> {
        let (rest, ours) = split(dsn);
        let mut config: Config = rest.parse().map_err(|_| PostgresError::ConnectionString)?;
        let [mode, roots] = ours;
        let mode = match mode.as_deref() {
            Some("disable") => SslMode::Disable,
            Some("prefer") => SslMode::Prefer,
            Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some(_) => return Err(PostgresError::TlsMode),
            None if config.get_hosts().iter().all(is_here) => SslMode::Disable,
            None => SslMode::Require,
        };
        let roots = roots.map(|path| trusted(&path)).transpose()?;
        config.ssl_mode(mode).application_name(application).connect_timeout(CONNECT);
        Ok(Self { config, tls: MakeRustlsConnect::new(crate::http::tls(roots)) })
    }

    /// Connects. The driver must be run.
    ///
    /// # Errors
    /// [`PostgresError::Connect`] or [`PostgresError::Late`].
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), PostgresError> {
        let connected = timeout(CONNECT, self.config.connect(self.tls.clone())).await;
        connected.map_err(|_| PostgresError::Late)?.map_err(|error| PostgresError::Connect(reason(&error)))
    }

    /// For messages beside a connection, such as the one that stops a statement.
    pub(crate) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// A connection string without the settings that are read here, and these: of a URL its parameters, else its words.
fn split(dsn: &str) -> (String, [Option<String>; 2]) {
    let mut ours = [None, None];
    let is_url = dsn.starts_with("postgres://") || dsn.starts_with("postgresql://");
    let (head, settings, between) = match dsn.split_once('?') {
        Some((head, settings)) if is_url => (head, settings, '&'),
        _ if is_url => return (dsn.to_owned(), ours),
        _ => ("", dsn, ' '),
    };
    let mut rest = Vec::new();
    for setting in settings.split(between) {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        match OURS.iter().position(|own| *own == name).and_then(|place| ours.get_mut(place)) {
            Some(place) => *place = Some(value.replace("%2F", "/").replace("%2f", "/")),
            None => rest.push(setting),
        }
    }
    let rest = rest.join(&between.to_string());
    let joined = if is_url && !rest.is_empty() { format!("{head}?{rest}") } else { format!("{head}{rest}") };
    (joined, ours)
}

fn trusted(path: &str) -> Result<RootCertStore, PostgresError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| PostgresError::Certificates)? {
        let certificate = certificate.map_err(|_| PostgresError::Certificates)?;
        roots.add(certificate).map_err(|_| PostgresError::Certificates)?;
    }
    if roots.is_empty() { Err(PostgresError::Certificates) } else { Ok(roots) }
}

/// What the server says, without what was used to reach it.
fn reason(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refused) => refused.code().code().to_owned(),
        None if error.to_string().contains("TLS") => {
            "no TLS with a certificate that is trusted; see sslmode and sslrootcert in docs/sources.md"
                .to_owned()
        }
        None => "no connection".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(dsn: &str) -> SslMode {
        Server::of(dsn, "test").unwrap().config.get_ssl_mode()
    }

    #[test]
    fn a_server_elsewhere_is_reached_over_tls_unless_the_string_says_otherwise() {
        for here in
            ["postgres://a@localhost/b", "postgres://a@127.0.0.1:5433/b", "host=/run/postgresql user=a"]
        {
            assert_eq!(mode(here), SslMode::Disable, "{here}");
        }
        assert_eq!(mode("postgres://a:p%3Fq@db.example/b"), SslMode::Require);
        assert_eq!(mode("host=db.example user=a"), SslMode::Require);
        assert_eq!(mode("postgres://a@db.example/b?connect_timeout=3&sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("host=localhost sslmode=verify-full user=a"), SslMode::Require);
        let server = Server::of("postgres://a@db/b?sslmode=require&connect_timeout=3", "test").unwrap();
        assert_eq!(server.config.get_dbname(), Some("b"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_being_shown() {
        let wrong = |dsn: &str| match Server::of(dsn, "test") {
            Ok(_) => panic!("{dsn} is taken"),
            Err(error) => (error.code(), error.to_string()),
        };
        assert_eq!(wrong("postgres://a:secret@h/b?sslmode=perhaps").0, "catalog_tls_mode");
        let (code, text) = wrong("postgres://a:secret@h/b?sslrootcert=/no/such/file");
        assert_eq!(code, "catalog_certificates");
        assert!(!text.contains("secret") && !text.contains("/no/such"));
        assert_eq!(wrong("postgres//a").0, "catalog_connection_string");
    }
}
