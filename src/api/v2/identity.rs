//! Who is calling: by cookie or header, as in the examples of version 2, or by token.

use crate::api::{Api, Caller};
use crate::projections::wire::v2::Features;
use axum::http::{HeaderMap, header};

/// Who calls when nothing tells.
const NOBODY: &str = "anonymous";

/// A user of version 2.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) caller: Caller,
    pub(super) features: Features,
    pub(super) is_admin: bool,
}

/// The user who calls; none when the service wants a token and got none that it knows.
pub(super) fn user(api: &Api, headers: &HeaderMap) -> Option<User> {
    let settings = &api.settings.v2;
    let access = &api.settings.access;
    let caller = if access.is_open() || settings.trusted {
        let principal = named(api, headers).unwrap_or_else(|| NOBODY.to_owned());
        Caller { tenant: "default".into(), principal, operator: false }
    } else {
        access.caller(headers)?
    };
    let groups = api.settings.groups.of(&caller.tenant, &caller.principal);
    let features = Features::of_groups(groups.iter().map(String::as_str));
    let is_admin = groups.contains("admin");
    Some(User { caller, features, is_admin })
}

fn named(api: &Api, headers: &HeaderMap) -> Option<String> {
    let settings = &api.settings.v2;
    let header = settings.header.as_deref().and_then(|name| headers.get(name)?.to_str().ok());
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookie = cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == settings.cookie).then(|| decoded(value.trim_matches('"')))
    });
    let name = header.map(str::to_owned).or(cookie)?;
    let plain = !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control);
    plain.then_some(name)
}

/// The page of version 2 writes the cookie percent-encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_cookie_is_read_as_the_page_writes_it() {
        assert_eq!(decoded("admin%40example.com"), "admin@example.com");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("a%zz%4"), "a%zz%4");
    }
}
