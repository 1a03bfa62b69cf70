//! Who may come in: the name that was called, the site that calls, and the token.

use super::Api;
use super::problem::{Code, Problem};
use super::service::Caller;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri, Version, header, uri::Authority};
use axum::middleware::Next;
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;

/// Tokens and whom they stand for.
#[derive(Clone, Default)]
pub struct Access {
    /// Hashes only: comparing hashes takes the same time wherever the tokens differ.
    entries: Vec<(blake3::Hash, Caller)>,
    /// Whether everybody is an operator, when there are no entries.
    operators: bool,
}

impl Access {
    /// No tokens: everybody is `anonymous` of the tenant `default`, and an operator if so said.
    pub fn open(operators: bool) -> Access {
        Access { entries: Vec::new(), operators }
    }

    /// Only who shows one of these tokens.
    pub fn tokens<'a>(entries: impl IntoIterator<Item = (&'a str, Caller)>) -> Access {
        let entries = entries.into_iter().map(|(token, caller)| (blake3::hash(token.as_bytes()), caller));
        Access { entries: entries.collect(), operators: false }
    }

    /// Whether anybody may call.
    pub fn is_open(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who shows which token.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        if self.is_open() {
            let operator = self.operators;
            return Some(Caller { tenant: "default".into(), principal: "anonymous".into(), operator });
        }
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let shown = blake3::hash(token.trim().as_bytes());
        let mut found = None;
        for (hash, caller) in &self.entries {
            if *hash == shown {
                found = Some(caller.clone());
            }
        }
        found
    }
}

/// Which names the service answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Only loopback names: a foreign name that was pointed at this machine is refused.
    Loopback,
    /// Any name.
    Any,
}

/// Refuses foreign names and foreign sites, on every route.
pub(crate) async fn neighbourhood(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    check_host(api.settings.hosts, request.version(), request.uri(), request.headers())?;
    check_origin(request.method(), request.headers(), &api.settings.origins)?;
    Ok(next.run(request).await)
}

/// Finds out who is calling, on every API route.
pub(crate) async fn authenticate(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(caller) = api.settings.access.caller(request.headers()) else {
        let detail = "Send one header 'Authorization: Bearer <token>' with a token of this service.";
        return Err(Problem::new(Code::AuthenticationRequired, detail));
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn check_host(hosts: Hosts, version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let mut named = headers.get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() || (first.is_none() && version == Version::HTTP_11) {
        return Err(Problem::invalid("Send exactly one Host header."));
    }
    if hosts == Hosts::Any {
        return Ok(());
    }
    let header = first.map(|value| value.to_str().unwrap_or_default());
    let target = uri.authority().map(Authority::as_str);
    match header.into_iter().chain(target).find(|name| !is_loopback(name)) {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            Code::RouteAccessDenied,
            "Without tokens the service answers only to localhost, 127.0.0.1 and [::1]. \
             Call it by one of these names, or configure [[access]] tokens.",
        )),
    }
}

fn is_loopback(name: &str) -> bool {
    let Ok(authority) = name.parse::<Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let plain = !name.contains('@');
    plain && (host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

/// As for every route that acts, though a socket is opened by a GET.
pub(crate) fn check_origin_of_socket(headers: &HeaderMap, known: &[String]) -> Result<(), Problem> {
    check_origin(&Method::POST, headers, known)
}

/// A page of a site that is not known may not make the browser of one of our users act here. Browsers say
/// `same-origin` by themselves, which holds where a proxy has changed the host.
fn check_origin(method: &Method, headers: &HeaderMap, known: &[String]) -> Result<(), Problem> {
    let same_site = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if method.is_safe() || same_site {
        return Ok(());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    let is_known = |origin: &str| known.iter().any(|known| known == origin);
    let foreign = |origin: &axum::http::HeaderValue| {
        !origin.to_str().is_ok_and(|origin| own(origin) || is_known(origin))
    };
    if headers.get_all(header::ORIGIN).iter().any(foreign) {
        let detail = "Pages of that site may not call this service; its operator lists those that may in cors.origins.";
        return Err(Problem::new(Code::RouteAccessDenied, detail));
    }
    Ok(())
}
