//! The one place where HTTP clients are made, and where TLS is set up: by rustls, trusting the system's
//! certificates.
//!
//! Without a certificate store plain HTTP still works; an `https` address then fails to connect.

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};

/// A client with the library's defaults.
pub fn client() -> reqwest::Client {
    #[expect(clippy::expect_used, reason = "fails only without TLS settings, and these are given")]
    client_builder().build().expect("a client with given TLS settings")
}

/// Starts a client.
pub fn client_builder() -> reqwest::ClientBuilder {
    #[expect(clippy::disallowed_methods, reason = "this is the one place, and the TLS settings are given")]
    reqwest::Client::builder().tls_backend_preconfigured(tls(None))
}

/// The certificates that the system trusts, but for those that cannot be read.
pub(crate) fn system_certificates() -> Vec<CertificateDer<'static>> {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs().certs;
    found.into_iter().filter(|certificate| store.add(certificate.clone()).is_ok()).collect()
}

/// TLS settings that trust these certificates, or else the system's, which are read once per process.
pub(crate) fn tls(roots: Option<RootCertStore>) -> ClientConfig {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let system = || {
        let read = || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        };
        Arc::clone(SYSTEM.get_or_init(read))
    };
    #[expect(clippy::expect_used, reason = "the provider is fixed here and speaks TLS 1.2 and 1.3")]
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions");
    builder.with_root_certificates(roots.map_or_else(system, Arc::new)).with_no_client_auth()
}
