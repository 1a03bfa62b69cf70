//! Figures for Prometheus: what is asked of the service, how soon it answers, how the journal stands. No label
//! holds anything of a tenant, a person or a question.

use super::Api;
use super::problem::Problem;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the text is, as OpenMetrics names it.
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Projection {
    projection: String,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    answer_seconds: Histogram,
    first_event: Histogram,
    whole_turn: Histogram,
    streams: Gauge,
    ready: Gauge,
    position: Gauge,
    facts: Family<Kind, Counter>,
    lag: Family<Projection, Gauge>,
}

/// From a millisecond to half a minute.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("vanna");
        Self {
            answered: add(&mut registry, "http_requests", "Requests answered", Family::default()),
            answer_seconds: add(
                &mut registry,
                "http_request_seconds",
                "Time until an answer begins",
                seconds(),
            ),
            first_event: add(
                &mut registry,
                "first_event_seconds",
                "Time from a question to its first event",
                seconds(),
            ),
            whole_turn: add(
                &mut registry,
                "turn_seconds",
                "Time from a question to its last event",
                seconds(),
            ),
            streams: add(&mut registry, "open_streams", "Streams of events that are open", Gauge::default()),
            ready: add(&mut registry, "ready", "1 while questions are taken", Gauge::default()),
            position: add(&mut registry, "journal_position", "Records in the journal", Gauge::default()),
            facts: add(&mut registry, "facts", "Facts recorded since the start, by kind", Family::default()),
            lag: add(
                &mut registry,
                "projection_lag",
                "Records that a projection has not taken in",
                Family::default(),
            ),
            registry,
        }
    }

    /// Times one turn, from now on.
    pub(crate) fn turn(&self) -> Turn {
        let (first, whole) = (self.first_event.clone(), self.whole_turn.clone());
        Turn { begun: Instant::now(), first: Some(first), whole: Some(whole) }
    }

    fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = Answered { method: method.to_owned(), route: route.to_owned(), status };
        self.answered.get_or_create(&labels).inc();
        self.answer_seconds.observe(took.as_secs_f64());
    }
}

fn add<M: Metric + EncodeMetric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// The times of one turn: each is told once.
pub(crate) struct Turn {
    begun: Instant,
    first: Option<Histogram>,
    whole: Option<Histogram>,
}

impl Turn {
    /// An event goes out.
    pub(crate) fn event(&mut self, terminal: bool) {
        let last = if terminal { self.whole.take() } else { None };
        for histogram in self.first.take().into_iter().chain(last) {
            histogram.observe(self.begun.elapsed().as_secs_f64());
        }
    }
}

/// The route.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/metrics", get(metrics))
}

/// Figures in the text format of OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "Figures", content_type = "application/openmetrics-text", body = String),
))]
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let metrics = &api.metrics;
    let figures = api.service.figures();
    metrics.streams.set(i64::try_from(api.open_streams()).unwrap_or(i64::MAX));
    metrics.ready.set(i64::from(api.service.ready().is_ok()));
    metrics.position.set(figures.position.cast_signed());
    for (kind, count) in figures.facts {
        let counter = metrics.facts.get_or_create(&Kind { kind });
        counter.inc_by(count.saturating_sub(counter.get()));
    }
    for (projection, lag) in figures.lags {
        metrics.lag.get_or_create(&Projection { projection }).set(lag.cast_signed());
    }
    let mut text = String::new();
    encode(&mut text, &metrics.registry).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, FORM)], text).into_response())
}

/// Counts every request, by the route that took it.
pub(crate) async fn count(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().as_str().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    api.metrics.answered(&method, &route, response.status().as_u16(), begun.elapsed());
    response
}
