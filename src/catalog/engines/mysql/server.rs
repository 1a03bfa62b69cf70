//! A server, and how it is reached: over TLS with its certificate verified, unless it is on this machine or the
//! connection string says otherwise.

use super::connection::MysqlError;
use mysql_async::{DriverError, Error, IoError, Opts, OptsBuilder, SslOpts};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::IpAddr;

/// Largest packet that is read, in bytes: about the largest single row.
const LARGEST: usize = 64 << 20;
/// What is read from a connection string here; the rest is read by the library.
const OURS: [&str; 2] = ["ssl-mode", "ssl-ca"];

/// How the connections of a source are made; `setup` is said on each.
///
/// Without `ssl-mode` a server on this machine is reached in plain, any other over TLS. `ssl-ca` names a file of
/// certificates that are trusted instead of the system's. The names are those of the `mysql` command.
///
/// # Errors
/// [`MysqlError::ConnectionString`] for what is none, or names no database; [`MysqlError::TlsMode`] and
/// [`MysqlError::Certificates`].
pub(crate) fn opts(url: &str, setup: &[&str]) -> Result<Opts, MysqlError> {
    let (url, [mode, roots]) = split(url);
    let url = url.strip_prefix("mariadb://").map_or_else(|| url.clone(), |rest| format!("mysql://{rest}"));
    let opts = Opts::from_url(&url).map_err(|_| MysqlError::ConnectionString)?;
    if opts.db_name().is_none_or(str::is_empty) {
        return Err(MysqlError::ConnectionString);
    }
    let over_tls = match mode.map(|mode| mode.to_ascii_uppercase()).as_deref() {
        Some("DISABLED") => false,
        Some("REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY") => true,
        Some(_) => return Err(MysqlError::TlsMode),
        None => opts.ssl_opts().is_some() || !is_here(opts.ip_or_hostname()),
    };
    let roots = roots.map(|path| trusted(&path)).transpose()?;
    let tls = over_tls.then(|| {
        let roots = roots.unwrap_or_else(crate::http::system_certificates);
        let roots = roots.into_iter().map(|root| root.to_vec().into()).collect();
        SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots)
    });
    // On the loopback it would leave the port that it was told for the server's socket.
    let builder = OptsBuilder::from_opts(opts).prefer_socket(false).stmt_cache_size(0).ssl_opts(tls);
    let builder = builder.max_allowed_packet(Some(LARGEST)).wait_timeout(Some(28_800));
    Ok(builder.setup(setup.iter().map(|&sql| sql.to_owned()).collect::<Vec<_>>()).into())
}

/// Why a connection was not made, in words that show nothing of what was used to make it.
pub(super) fn reason(error: &Error) -> &'static str {
    let no_tls = "no TLS with a certificate that is trusted; see ssl-mode and ssl-ca in docs/sources.md";
    match error {
        Error::Io(IoError::Tls(_)) | Error::Driver(DriverError::NoClientSslFlagFromServer) => no_tls,
        Error::Io(IoError::Io(io)) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => no_tls,
        Error::Server(_) => "it does not let the service in",
        Error::Io(_) | Error::Driver(_) | Error::Url(_) | Error::Other(_) => "no connection",
    }
}

fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A connection string without the settings that are read here, and these.
fn split(url: &str) -> (String, [Option<String>; 2]) {
    let mut ours = [None, None];
    let Some((head, settings)) = url.split_once('?') else { return (url.to_owned(), ours) };
    let mut rest = Vec::new();
    for setting in settings.split('&') {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        match OURS.iter().position(|own| *own == name).and_then(|place| ours.get_mut(place)) {
            Some(place) => *place = Some(value.replace("%2F", "/").replace("%2f", "/")),
            None => rest.push(setting),
        }
    }
    let rest = rest.join("&");
    (if rest.is_empty() { head.to_owned() } else { format!("{head}?{rest}") }, ours)
}

fn trusted(path: &str) -> Result<Vec<CertificateDer<'static>>, MysqlError> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    read().ok().filter(|found| !found.is_empty()).ok_or(MysqlError::Certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over_tls(url: &str) -> bool {
        opts(url, &[]).unwrap().ssl_opts().is_some()
    }

    #[test]
    fn a_server_elsewhere_is_reached_over_tls_unless_the_string_says_otherwise() {
        for here in ["mysql://a@localhost/b", "mariadb://a@127.0.0.1:3307/b", "mysql://a@[::1]/b"] {
            assert!(!over_tls(here), "{here}");
        }
        assert!(over_tls("mysql://a:p%3Fq@db.example/b"));
        assert!(over_tls("mariadb://a@localhost/b?ssl-mode=verify_identity"));
        assert!(!over_tls("mysql://a@db.example/b?ssl-mode=DISABLED&tcp_keepalive=1000"));
        let opts = opts("mysql://a@db.example/b?ssl-mode=REQUIRED", &["SET NAMES utf8mb4"]).unwrap();
        let tls = opts.ssl_opts().unwrap();
        assert!(!tls.accept_invalid_certs() && !tls.skip_domain_validation());
        assert_eq!((opts.db_name(), opts.setup().len()), (Some("b"), 1));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_being_shown() {
        for (url, code) in [
            ("mysql://a:secret@h/b?ssl-mode=perhaps", "catalog_tls_mode"),
            ("mysql://a:secret@h/b?ssl-ca=/no/such/file", "catalog_certificates"),
            ("mysql://a:secret@h", "catalog_connection_string"),
            ("mysql//a:secret", "catalog_connection_string"),
            ("mysql://a:secret@h/b?verify_ca=false&no_such=1", "catalog_connection_string"),
        ] {
            let error = opts(url, &[]).expect_err(url);
            assert_eq!(error.code(), code, "{url}");
            assert!(!error.to_string().contains("secret") && !error.to_string().contains("/no/such"));
        }
    }
}
