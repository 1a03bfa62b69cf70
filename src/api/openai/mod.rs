//! `POST /v1/chat/completions` and `GET /v1/models`: the service as a model, for clients that speak
//! OpenAI's protocol. Each question is a conversation of its own unless the client names one.

mod body;
mod routes;

pub(crate) use routes::routes;
