//! A running service, asked over HTTP because it holds the journal.

use super::failure::CliError;
use clap::Args;
use serde_json::Value;
use std::time::Duration;

/// Longest wait for a service to go on with its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which service to ask.
#[derive(Debug, Args)]
pub struct Server {
    /// Ask a running service instead of opening the journal.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// Token for the service.
    #[arg(long, env = "VANNA_TOKEN", hide_env_values = true, requires = "server")]
    pub token: Option<String>,
}

impl Server {
    /// The service, if one was named; its routes begin at `prefix`.
    ///
    /// # Errors
    /// [`CliError`] when no HTTP client can be made here.
    pub(super) fn remote(&self, prefix: &str) -> Result<Option<Remote>, CliError> {
        let Some(server) = &self.server else { return Ok(None) };
        let client = crate::http::client_builder().connect_timeout(PATIENCE).build();
        let base = format!("{}{prefix}", server.trim_end_matches('/'));
        Ok(Some(Remote { client: client.map_err(CliError::run)?, base, token: self.token.clone() }))
    }
}

/// A running service.
pub(super) struct Remote {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Remote {
    /// Reads a route; the body must go on within a while.
    ///
    /// # Errors
    /// [`CliError`] with what the service said.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, CliError> {
        let request = self.client.get(format!("{}/{path}", self.base)).query(query);
        self.answer(request.timeout(PATIENCE)).await
    }

    /// Calls a route that works for as long as it takes, and reads its JSON.
    ///
    /// # Errors
    /// [`CliError`] with what the service said.
    pub(super) async fn post(&self, path: &str) -> Result<Value, CliError> {
        let body = self.answer(self.client.post(format!("{}/{path}", self.base))).await?;
        serde_json::from_slice(&body).map_err(CliError::run)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, CliError> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response =
            request.send().await.map_err(|e| CliError::run(format!("the service did not answer: {e}")))?;
        let status = response.status();
        let body = response.bytes().await.map_err(CliError::run)?.to_vec();
        if status.is_success() {
            return Ok(body);
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
        let message = format!("the service answered {status}: {detail}");
        Err(if status.is_client_error() { CliError::input(message) } else { CliError::run(message) })
    }
}
