//! An answer: what a request of version 2 gets, over whichever transport.

use super::body::ChatRequest;
use super::commands::{self, Command, Setup};
use super::identity::User;
use super::refusal::Refusal;
use crate::api::{Api, Ask, EventStream, Replay, ReplayFormat};
use crate::projections::wire::v2::{Chunk, Scene, failure};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// Memories of each kind that are listed, as in version 2.
const MEMORIES: usize = 10;

/// What a request gets.
pub(super) struct Answer {
    /// The conversation, as the client named it or as it was made.
    pub(super) conversation_id: String,
    /// The request.
    pub(super) request_id: String,
    /// Chunks as JSON texts.
    pub(super) chunks: EventStream,
}

/// Answers a request. `user` is none when nobody known is calling: that is told as an answer, since
/// clients of version 2 know no other way.
pub(super) async fn answer(api: &Api, user: Option<User>, request: ChatRequest) -> Result<Answer, Refusal> {
    let conversation_id = request.conversation_id.clone().unwrap_or_else(|| fresh_conversation(api));
    let request_id = request.request_id.clone().unwrap_or_else(|| (api.new_id)());
    let scene = Scene {
        conversation_id: conversation_id.clone(),
        request_id: request_id.clone(),
        at: api.service.now(),
        seed: (api.new_id)(),
    };
    let Some(user) = user else {
        tracing::info!("a request of version 2 came without a token that is known");
        let chunks = failure(&scene).map(|piece| scene.chunk(piece));
        return Ok(Answer { conversation_id, request_id, chunks: ready(chunks.into()) });
    };
    if let Some(chunks) = view(api, &user, &request, &scene).await? {
        return Ok(Answer { conversation_id, request_id, chunks: ready(chunks) });
    }
    let ask = Ask {
        message: request.message,
        conversation_id: Some(conversation_id),
        request_id: Some(request_id),
        source: None,
        metadata: Value::Object(request.metadata),
        as_of: None,
    };
    let accepted = api.within(api.service.ask(&user.caller, ask)).await?;
    let replay = Replay {
        after: None,
        request_id: Some(accepted.request_id.clone()),
        follow: true,
        format: ReplayFormat::V2(user.features),
    };
    let chunks = api.within(api.service.replay(&user.caller, &accepted.conversation_id, replay)).await?;
    Ok(Answer { conversation_id: accepted.conversation_id, request_id: accepted.request_id, chunks })
}

/// What needs no turn.
async fn view(
    api: &Api,
    user: &User,
    request: &ChatRequest,
    scene: &Scene,
) -> Result<Option<Vec<Chunk>>, Refusal> {
    let tools = api.service.tools(&user.caller);
    let mut setup = Setup { is_admin: user.is_admin, tools, memories: Vec::new(), forgotten: false };
    if request.is_start() {
        return Ok(Some(commands::start(scene, &setup)));
    }
    let Some(command) = Command::read(&request.message) else { return Ok(None) };
    match &command {
        Command::Memories if user.is_admin => {
            let listed = api.within(api.service.memories(&user.caller, MEMORIES)).await?;
            setup.memories = listed.into_iter().map(|listed| listed.memory).collect();
        }
        Command::Delete(id) if user.is_admin => {
            setup.forgotten = match api.within(api.service.forget(&user.caller, id)).await {
                Ok(()) => true,
                Err(problem) if problem.is_not_found() => false,
                Err(problem) => return Err(problem.into()),
            };
        }
        _ => {}
    }
    Ok(Some(commands::answer(scene, &setup, &command)))
}

fn ready(chunks: Vec<Chunk>) -> EventStream {
    use crate::api::{Rendered, ServiceError};
    let last = chunks.len();
    let rendered = chunks.into_iter().enumerate().map(move |(index, chunk)| {
        let data =
            serde_json::to_string(&chunk).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let request_id = Some(chunk.request_id);
        Ok(Rendered { id: String::new(), event: "chunk", data, request_id, terminal: index + 1 == last })
    });
    stream::iter(rendered).boxed()
}

/// What is told when an answer breaks off: an orderly end instead of a bare object, after which clients
/// of version 2 would wait for ever.
pub(super) fn broken(api: &Api, conversation_id: &str, request_id: &str) -> Vec<String> {
    let scene = Scene {
        conversation_id: conversation_id.to_owned(),
        request_id: request_id.to_owned(),
        at: api.service.now(),
        seed: (api.new_id)(),
    };
    let text = |piece| json!(scene.chunk(piece)).to_string();
    failure(&scene).map(text).into()
}

/// Eight hexadecimal digits after `conv_`, as version 2 makes them.
fn fresh_conversation(api: &Api) -> String {
    let digest = blake3::hash((api.new_id)().as_bytes()).to_hex();
    format!("conv_{}", digest.chars().take(8).collect::<String>())
}
