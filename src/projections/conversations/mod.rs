//! The list of conversations: who asked what when, and how it stands.

mod cursor;
mod list;
mod rows;

pub use list::{Conversation, Conversations, ListError, Page, Standing};
pub use rows::ConversationList;
