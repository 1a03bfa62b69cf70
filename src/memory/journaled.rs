//! Memories as facts of the journal: one stream for each tenant.

use async_trait::async_trait;
use vanna_actors::memory::{Command, MemoryBook, Refusal, Reply};
use vanna_actors::ports::memory::{Lookup, Memory, MemoryStore, Note};
use vanna_actors::ports::sql::Failure;
use vanna_actors::runtime::{Entity, Handle, SendError};
use vanna_journal::StreamId;

/// Names the only memory of a tenant.
const BOOK: &str = "notes";

/// Keeps memories in the journal.
#[derive(Clone)]
pub struct JournaledMemory {
    books: Handle<MemoryBook>,
}

impl JournaledMemory {
    /// Over the hosts of memories.
    #[must_use]
    pub fn new(books: Handle<MemoryBook>) -> Self {
        Self { books }
    }

    async fn send(&self, tenant: &str, command: Command) -> Result<Reply, Failure> {
        let stream = StreamId::new(MemoryBook::KIND, tenant, BOOK);
        self.books.send(stream, command).await.map_err(failure)
    }

    async fn found(&self, tenant: &str, command: Command) -> Result<Vec<Memory>, Failure> {
        match self.send(tenant, command).await? {
            Reply::Found(found) => Ok(found),
            Reply::Kept | Reply::Forgotten(_) => Err(wrong_answer()),
        }
    }
}

#[async_trait]
impl MemoryStore for JournaledMemory {
    async fn search(&self, lookup: Lookup) -> Result<Vec<Memory>, Failure> {
        let tenant = lookup.tenant.clone();
        self.found(&tenant, Command::Search(Box::new(lookup))).await
    }

    async fn save(&self, tenant: &str, note: Note) -> Result<(), Failure> {
        self.send(tenant, Command::Keep(Box::new(note))).await.map(|_| ())
    }

    async fn recent(&self, tenant: &str, reader: Option<&str>, limit: usize) -> Result<Vec<Memory>, Failure> {
        self.found(tenant, Command::Recent { reader: reader.map(str::to_owned), limit }).await
    }

    async fn forget(&self, tenant: &str, author: Option<&str>, id: &str, by: &str) -> Result<bool, Failure> {
        let (id, author, by) = (id.to_owned(), author.map(str::to_owned), by.to_owned());
        match self.send(tenant, Command::Forget { id, author, by }).await? {
            Reply::Forgotten(was_there) => Ok(was_there),
            Reply::Kept | Reply::Found(_) => Err(wrong_answer()),
        }
    }
}

fn wrong_answer() -> Failure {
    Failure::new("memory_failed", "The memory gave an answer to another question.", true)
}

fn failure(error: SendError<Refusal>) -> Failure {
    let (code, message, retryable) = match error {
        SendError::Refused(Refusal::Full) => {
            ("memory_full", "There is no place for another memory. Have some forgotten first.", false)
        }
        SendError::Refused(Refusal::Newer) => {
            ("newer_facts", "A newer version of the service keeps this memory; use that one.", false)
        }
        SendError::Busy | SendError::Quarantined | SendError::NoAnswer => {
            ("memory_unavailable", "The memory does not answer now. Try again.", true)
        }
        SendError::Closed => ("memory_unavailable", "The service is shutting down.", true),
        SendError::Journal(_) => ("memory_unavailable", "The journal takes nothing now. Try again.", true),
    };
    Failure::new(code, message, retryable)
}
