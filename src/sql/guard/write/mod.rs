//! Text of the guard's own tree. Nothing of the text that came in is ever sent on.

mod expr;
mod quote;
mod query;
mod text;

pub(crate) use quote::identifier;
pub(crate) use text::Writer;
