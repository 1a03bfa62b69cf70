//! What is answered without a model: the first view, and commands that begin with a slash.
//!
//! These are views of the service, not of a conversation: they are made anew each time and recorded
//! nowhere, as in version 2, where they do not enter the conversation.

use crate::projections::wire::v2::{
    Chunk, Piece, Scene, card, chat_input, memory_card, status_bar, status_card, text,
};
use serde_json::json;
use vanna_actors::ports::memory::Memory;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Status,
    Memories,
    Delete(String),
}

impl Command {
    /// The command that a message is, if it is one.
    pub(super) fn read(message: &str) -> Option<Command> {
        let message = message.trim();
        match message.to_lowercase().as_str() {
            "/help" | "help" | "/h" => Some(Command::Help),
            "/status" | "status" => Some(Command::Status),
            "/memories" | "memories" | "/recent_memories" | "recent_memories" => Some(Command::Memories),
            lower if lower.starts_with("/delete ") => {
                let id = message.split_once(' ').map_or("", |(_, id)| id.trim());
                Some(Command::Delete(id.to_owned()))
            }
            _ => None,
        }
    }
}

/// What the service can do, for those who want to know.
pub(super) struct Setup {
    pub(super) is_admin: bool,
    /// Names of the tools, in order.
    pub(super) tools: Vec<String>,
    /// The newest memories, where they are asked for.
    pub(super) memories: Vec<Memory>,
    /// Whether the memory that a command names was there, and is gone.
    pub(super) forgotten: bool,
}

/// What a page shows first.
pub(super) fn start(scene: &Scene, setup: &Setup) -> Vec<Chunk> {
    let first = if setup.is_admin { admin_card(scene, setup) } else { text(scene.id("welcome"), WELCOME) };
    let ready = status_bar("idle", "Ready", "Choose an option or type a message");
    [first, ready, chat_input("Ask a question...")].map(|piece| scene.chunk(piece)).into()
}

const WELCOME: &str = "# 👋 Welcome to Vanna AI\n\nI'm your AI data analyst assistant. Ask me anything about \
                       your data in plain English!\n\nType `/help` to see what I can do.";

fn admin_card(scene: &Scene, setup: &Setup) -> Piece {
    let mark = |there: bool| if there { '✓' } else { '✗' };
    let (sql, memory, charts) = (setup.has("run_sql"), setup.remembers(), setup.has("visualize_data"));
    let mut content = format!(
        "**🔒 Admin View** - You have admin privileges and will see additional system information.\n\n\
         **Vanna AI** is fully configured and ready.\n\n\
         **Setup:** SQL {} | Memory {} | Visualization {}",
        mark(sql),
        mark(memory),
        mark(charts)
    );
    if memory {
        content.push_str(
            "\n\n**Memory Management:** Tool and text memories are available. As an admin, you can view and \
             manage these memories to help me learn from successful queries.",
        );
    }
    let actions = json!([
        {"label": "💡 Help", "action": "/help", "variant": "secondary"},
        {"label": "🧠 View Memories", "action": "/memories", "variant": "secondary"},
    ]);
    card(scene.id("ready"), "Admin: System Ready", &content, "✅", "success", actions)
}

/// The answer to a command.
pub(super) fn answer(scene: &Scene, setup: &Setup, command: &Command) -> Vec<Chunk> {
    let content = match (command, setup.is_admin) {
        (Command::Help, is_admin) => help(is_admin),
        (Command::Status, true) => setup.report(),
        (Command::Memories, true) => match setup.memories.len() {
            0 => "# 🧠 Recent Memories\n\nNo recent memories found.".to_owned(),
            many => format!("# 🧠 Recent Memories\n\nFound {many} recent memories"),
        },
        (Command::Delete(id), true) if setup.forgotten => format!(
            "# ✅ Memory Deleted\n\nSuccessfully deleted memory with ID: `{id}`\n\nUse `/memories` to see remaining \
             memories."
        ),
        (Command::Delete(id), true) => format!(
            "# ❌ Memory Not Found\n\nCould not find memory with ID: `{id}`\n\nUse `/memories` to see available \
             memory IDs."
        ),
        (Command::Status, false) => denied("/status", "system status information"),
        (Command::Memories, false) => denied("/memories", "memory management features"),
        (Command::Delete(_), false) => denied("/delete", "memory management features"),
    };
    let mut pieces = vec![
        status_bar("working", "Processing your request...", "Analyzing query"),
        text(scene.id("content"), &content),
    ];
    match (command, setup.is_admin) {
        (Command::Status, true) => pieces.extend(setup.cards(scene)),
        (Command::Memories, true) => pieces.extend(listed(scene, &setup.memories)),
        _ => {}
    }
    pieces.push(status_bar("idle", "Workflow complete", "Ready for next message"));
    pieces.push(chat_input("Ask a question..."));
    pieces.into_iter().map(|piece| scene.chunk(piece)).collect()
}

/// Notes first, then what tools were called with.
fn listed(scene: &Scene, memories: &[Memory]) -> Vec<Piece> {
    let (patterns, notes): (Vec<&Memory>, Vec<&Memory>) =
        memories.iter().partition(|memory| memory.note.pattern.is_some());
    let mut pieces = Vec::new();
    for (title, group) in [("📝 Text Memories", notes), ("🔧 Tool Memories", patterns)] {
        if !group.is_empty() {
            pieces.push(text(scene.id(title), &format!("## {title} ({})", group.len())));
        }
        pieces.extend(group.iter().map(|memory| memory_card(scene.id(&memory.note.id), memory)));
    }
    pieces
}

fn help(is_admin: bool) -> String {
    let admin = "**🔒 Admin Commands**\n- `/status` - Check setup status\n- `/memories` - View and manage recent \
                 memories\n- `/delete [id]` - Delete a memory by ID\n\n";
    let admin = if is_admin { admin } else { "" };
    format!(
        "## 🤖 Vanna AI Assistant\n\nI'm your AI data analyst! Here's what I can help you with:\n\n\
         **💬 Natural Language Queries**\n- \"Show me sales data for last quarter\"\n- \"Which customers have the \
         highest orders?\"\n- \"Create a chart of revenue by month\"\n\n\
         **🔧 Commands**\n- `/help` - Show this help message\n\n{admin}\nJust ask me anything about your data in \
         plain English!"
    )
}

fn denied(command: &str, what: &str) -> String {
    format!(
        "# 🔒 Access Denied\n\nThe `{command}` command is only available to administrators.\n\nIf you need access to \
         {what}, please contact your system administrator."
    )
}

impl Setup {
    fn has(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }

    fn remembers(&self) -> bool {
        self.tools.iter().any(|name| name.starts_with("search_") && name != "search_schema")
    }

    /// How each part stands.
    fn cards(&self, scene: &Scene) -> [Piece; 3] {
        let part = |title: &str, icon: &str, is: bool, yes: &str, no: &str| {
            let (status, told, icon) = if is { ("success", yes, icon) } else { ("warning", no, "⚠️") };
            status_card(scene.id(title), (title, icon), status, told, json!({}))
        };
        let saves = "Search and save tools configured - I can learn from successful queries";
        [
            part(
                "SQL Connection",
                "✅",
                self.has("run_sql"),
                "Database connection configured and ready",
                "No SQL tool is offered",
            ),
            part("Memory System", "🧠", self.remembers(), saves, "No memory tools are offered"),
            part(
                "Visualization",
                "📊",
                self.has("visualize_data"),
                "Chart creation tools available",
                "No chart tool is offered",
            ),
        ]
    }

    fn report(&self) -> String {
        let (sql, memory, charts) = (self.has("run_sql"), self.remembers(), self.has("visualize_data"));
        let verdict = if sql && memory && charts {
            "🎉 **Excellent!** Your Vanna AI setup is complete and optimized."
        } else {
            "⚠️ **Some tools are missing.** The list below tells which."
        };
        let there = |is: bool, yes: &'static str| if is { yes } else { "➖ Not Available" };
        format!(
            "# 🔍 Setup Status Report\n\n{verdict}\n\n**Tools Detected:** {} total\n\n## Tool Status\n\n\
             - **SQL Connection:** {}\n- **Memory System:** {}\n- **Visualization:** {}\n\
             - **Calculator:** ➖ Not Available\n\n**Available Tools:** {}",
            self.tools.len(),
            there(sql, "✅ Available"),
            there(memory, "✅ Complete"),
            there(charts, "✅ Available"),
            self.tools.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_in_any_spelling_that_version_2_takes() {
        assert_eq!(Command::read(" /HELP "), Some(Command::Help));
        assert_eq!(Command::read("recent_memories"), Some(Command::Memories));
        assert_eq!(Command::read("/delete  Ab-1 "), Some(Command::Delete("Ab-1".into())));
        assert_eq!(Command::read("help me with revenue"), None);
        assert_eq!(Command::read("/boom"), None);
    }
}
