//! Which parts of an answer a user's groups let them see.

/// Parts of an answer that not everybody sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// That tools are used, by name.
    pub tool_names: bool,
    /// What tools are called with.
    pub tool_arguments: bool,
    /// Why a tool failed.
    pub tool_error: bool,
    /// What the model says while it calls tools, as text of the answer.
    pub tool_invocation_message_in_chat: bool,
    /// What a search of memory found.
    pub memory_detailed_results: bool,
}

impl Features {
    /// Everything.
    pub const ALL: Features = Features {
        tool_names: true,
        tool_arguments: true,
        tool_error: true,
        tool_invocation_message_in_chat: true,
        memory_detailed_results: true,
    };

    /// What version 2 gives to groups: names of tools to `user`, everything to `admin`.
    #[must_use]
    pub fn of_groups<'a>(groups: impl IntoIterator<Item = &'a str>) -> Features {
        groups.into_iter().fold(Features::default(), |known, group| match group {
            "admin" => Features::ALL,
            "user" => Features { tool_names: true, ..known },
            _ => known,
        })
    }
}
