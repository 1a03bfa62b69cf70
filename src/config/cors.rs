//! `[cors]`: which other sites' pages may call the service.

use super::error::ConfigError;
use serde::Deserialize;

/// Sites whose pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Their origins, exactly as browsers send them: `https://app.example.com`; none: only the service's own
    /// pages.
    pub origins: Vec<String>,
}

impl Cors {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (at, origin) in self.origins.iter().enumerate() {
            if !is_origin(origin) {
                let message = format!(
                    "{origin:?} is no origin such as https://app.example.com: a scheme, a name in lower case and, \
                     where it is not the usual one, a port; no path, no `*`"
                );
                return Err(ConfigError::value(format!("cors.origins[{at}]"), message));
            }
        }
        Ok(())
    }
}

/// Whether a text is an origin as browsers send it.
fn is_origin(text: &str) -> bool {
    let usual = [("http://", ":80"), ("https://", ":443")];
    let Some((scheme, port)) = usual.into_iter().find(|(scheme, _)| text.starts_with(scheme)) else {
        return false;
    };
    let authority = text.trim_start_matches(scheme);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c);
    let parsed = authority.parse::<axum::http::uri::Authority>();
    !authority.is_empty() && authority.chars().all(plain) && !authority.ends_with(port) && parsed.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send_and_nothing_more() {
        for good in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "https://[::1]:8443",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://App.example.com",
            "https://app.example.com:443",
            "https://*.example.com",
            "https://a@b",
            "ftp://a",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
