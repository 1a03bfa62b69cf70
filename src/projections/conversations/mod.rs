//! The list of conversations: who asked what when, and how it stands.

mod cursor;
mod list;

pub use list::{Conversation, Conversations, ListError, Page, Standing};
