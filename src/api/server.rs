//! The server: routes put together, connections accepted, and the way to stop without losing anyone.

use super::lifecycle::{Lifecycle, Phase};
use super::metrics::{self, Metrics};
use super::problem::{Code, Problem};
use super::service::{Service, ServiceError};
use super::settings::Settings;
use super::stall::WriteDeadline;
use super::{cors, edge, gate, health, openai, page, v2, v3};
use axum::Router;
use axum::middleware::from_fn_with_state;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;

/// Most that is read ahead of one connection, request heads included.
const CONNECTION_BUFFER: usize = 64 * 1024;

/// Where the routes of version 2 begin: clients have it built in.
const V2_PREFIX: &str = "/api/vanna/v2";

/// Where clients of OpenAI's protocol look.
const OPENAI_PREFIX: &str = "/v1";

/// Pause after the system refused a connection, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections may take to close once time is up.
const CLOSING: Duration = Duration::from_secs(1);

/// The HTTP side of the product.
pub struct Api {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) settings: Settings,
    /// Makes correlation ids.
    pub(crate) new_id: Box<dyn Fn() -> String + Send + Sync>,
    pub(crate) lifecycle: Lifecycle,
    slots: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
}

impl Api {
    /// An HTTP side for `service`. `new_id` makes correlation ids: unique, printable ASCII.
    pub fn new(
        service: Arc<dyn Service>,
        settings: Settings,
        new_id: impl Fn() -> String + Send + Sync + 'static,
    ) -> Arc<Api> {
        let slots = Arc::new(Semaphore::new(settings.streams.min(Semaphore::MAX_PERMITS)));
        let (lifecycle, metrics) = (Lifecycle::new(), Metrics::new());
        Arc::new(Api { service, settings, new_id: Box::new(new_id), lifecycle, slots, metrics })
    }

    /// All routes, with everything around them.
    pub fn router(self: &Arc<Api>) -> Router {
        let v3 = v3::routes().route_layer(from_fn_with_state(self.clone(), gate::authenticate));
        let openai = openai::routes().route_layer(from_fn_with_state(self.clone(), gate::authenticate));
        Router::new()
            .merge(page::routes())
            .merge(health::routes())
            .merge(metrics::routes())
            .nest(&self.settings.prefix, v3)
            .merge(self.v2())
            .nest(OPENAI_PREFIX, openai)
            .fallback(edge::unknown_route)
            .layer(from_fn_with_state(self.clone(), gate::neighbourhood))
            .layer(CatchPanicLayer::custom(edge::panicked))
            .layer(from_fn_with_state(self.clone(), edge::surround))
            .layer(from_fn_with_state(self.clone(), metrics::count))
            // Outermost: a page must be able to read refusals, too.
            .layer(option_layer(cors::layer(&self.settings.origins)))
            .with_state(self.clone())
    }

    fn v2(self: &Arc<Api>) -> Router<Arc<Api>> {
        let routes = Router::new();
        if self.settings.v2.enabled { routes.nest(V2_PREFIX, v2::routes()) } else { routes }
    }

    /// Serve until `shutdown` resolves; then take no more connections, let running turns end for
    /// at most as long as it says, and close. Endless streams end at once, with a comment.
    pub async fn serve(self: Arc<Api>, listener: TcpListener, shutdown: impl Future<Output = Duration>) {
        let router = self.router();
        let places = Arc::new(Semaphore::new(self.settings.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        let drain = loop {
            tokio::select! {
                biased;
                drain = &mut shutdown => break drain,
                Some(_) = connections.join_next() => {}
                (stream, place) = accept(&listener, &places) => {
                    let connection = self.clone().connection(stream, router.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
            }
        };
        drop(listener);
        self.lifecycle.advance(Phase::Draining);
        if timeout(drain, self.all_of(&mut connections)).await.is_err() {
            self.lifecycle.advance(Phase::Closing);
            if timeout(CLOSING, self.all_of(&mut connections)).await.is_err() {
                tracing::warn!(open = connections.len(), "connections did not close in time and are cut");
                connections.shutdown().await;
            }
        }
    }

    /// Waits for all connections, those that have become sockets too: each holds a slot.
    async fn all_of(&self, connections: &mut JoinSet<()>) {
        while connections.join_next().await.is_some() {}
        let slots = u32::try_from(self.settings.streams).unwrap_or(u32::MAX);
        let _all = self.slots.acquire_many(slots).await;
    }

    /// Serve one connection until either side is done with it.
    pub(crate) async fn connection(
        self: Arc<Api>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        router: Router,
    ) {
        let timing = self.settings.timing;
        let io = TokioIo::new(WriteDeadline::new(stream, timing.stalled));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timing.head)
            .max_buf_size(CONNECTION_BUFFER)
            .serve_connection(io, TowerToHyperService::new(router))
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut draining = pin!(self.lifecycle.reached(Phase::Draining));
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = &mut draining => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }

    /// Streams that are open now.
    pub(crate) fn open_streams(&self) -> usize {
        let all = self.settings.streams.min(Semaphore::MAX_PERMITS);
        all.saturating_sub(self.slots.available_permits())
    }

    /// A place for one more stream, or 429.
    pub(crate) fn slot(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if self.lifecycle.now() != Phase::Running {
            let problem = Problem::new(Code::Unavailable, "The service is shutting down.");
            return Err(problem.retry_after(Duration::from_secs(5)));
        }
        self.slots.clone().try_acquire_owned().map_err(|_| {
            Problem::new(Code::RateLimitExceeded, "Too many streams are open. Try again later.")
                .retry_after(Duration::from_secs(1))
        })
    }

    /// The answer of the service, within the deadline for calls.
    pub(crate) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, Problem> {
        match timeout(self.settings.timing.call, call).await {
            Ok(answer) => answer.map_err(Problem::from),
            Err(_) => {
                let detail = "The service did not answer in time. Send the same request again.";
                Err(Problem::new(Code::Unavailable, detail).retry_after(Duration::from_secs(1)))
            }
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                return (stream, place);
            }
            Err(error) => {
                tracing::warn!(%error, "the system refused a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
