//! A call of a tool, whoever wanted it: the semantic layer or a language model.

use serde_json::{Map, Value as Json};
use vanna_actors::events::{SqlRunStarted, Token, ToolRefused, ToolStarted};
use vanna_actors::json::Json as Kept;
use vanna_actors::ports::sql::Statement;

/// A call that has begun.
#[derive(Clone, Debug)]
pub struct Call {
    /// The intent of its newest attempt.
    pub token: Token,
    /// The call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub name: String,
    /// Its arguments, as the caller may see them.
    pub arguments: Map<String, Json>,
    /// The statement that runs, where it is known before.
    pub statement: Option<Statement>,
    /// Rules of policies that were put into it.
    pub policies: Vec<String>,
}

impl From<&SqlRunStarted> for Call {
    fn from(started: &SqlRunStarted) -> Self {
        Self {
            token: started.token,
            tool_call_id: started.tool_call_id.clone(),
            name: started.tool.clone(),
            arguments: object(&started.arguments),
            statement: Some(started.statement.clone()),
            policies: Vec::new(),
        }
    }
}

impl From<&ToolStarted> for Call {
    fn from(started: &ToolStarted) -> Self {
        Self {
            token: started.token,
            tool_call_id: started.tool_call_id.clone(),
            name: started.tool.clone(),
            arguments: object(&started.shown),
            statement: None,
            policies: Vec::new(),
        }
    }
}

impl From<&ToolRefused> for Call {
    fn from(refused: &ToolRefused) -> Self {
        Self {
            token: 0,
            tool_call_id: refused.tool_call_id.clone(),
            name: refused.tool.clone(),
            arguments: object(&refused.shown),
            statement: None,
            policies: Vec::new(),
        }
    }
}

/// Arguments as an object, whatever was recorded.
fn object(arguments: &Kept) -> Map<String, Json> {
    match arguments.value() {
        Json::Object(arguments) => arguments,
        _ => Map::new(),
    }
}
