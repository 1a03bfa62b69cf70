//! Text of the guard's own tree. Nothing of the text that came in is ever sent on.

mod expr;
mod query;
mod quote;
mod text;

pub(crate) use quote::identifier;
pub(crate) use text::Writer;
