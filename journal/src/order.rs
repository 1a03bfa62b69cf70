//! What an append becomes: its checks, its versions, its place in the next group commit.
//!
//! Every backend decides here, so that all of them decide alike.

use crate::frame::{Body, Bytes, Entry, Stored};
use crate::journal::{Append, AppendError, Appended, Expect, ReadError, Span};
use crate::record::{Position, StreamId, Version, body_hash};
use std::collections::HashMap;

/// Records of one append, and of one frame.
pub(crate) const MAX_RECORDS: usize = 256;
/// Bytes of one body.
pub(crate) const MAX_BODY: usize = 32 << 20;
/// Bytes of one name or request id.
const MAX_NAME: usize = 512;
/// Bytes of bodies after which a read ends early.
pub(crate) const READ_BYTES: usize = 32 << 20;

/// What is durable already, as far as a decision needs it.
pub(crate) trait History {
    /// The last version of a stream; 0 when it holds nothing.
    fn version_of(&self, stream: &StreamId) -> Version;
    /// The versions that accepted a request.
    fn find_request(&self, stream: &StreamId, request: &str) -> Result<Option<Span<Version>>, ReadError>;
}

/// An append that was checked as far as that needs no history, and whose bodies are hashed: the work
/// that its writer does, not the thread that all writers share.
pub(crate) struct Prepared {
    pub(crate) stream: StreamId,
    expect: Expect,
    pub(crate) request: Option<String>,
    pub(crate) records: Vec<Stored>,
}

impl Prepared {
    /// Checks an append and hashes its bodies.
    ///
    /// # Errors
    /// [`AppendError::Invalid`] when the append is empty or something in it is too large.
    pub(crate) fn new(append: Append) -> Result<Self, AppendError> {
        validate(&append)?;
        let Append { stream, expect, request, records } = append;
        Ok(Self { stream, expect, request, records: records.into_iter().map(store).collect() })
    }
}

fn validate(append: &Append) -> Result<(), AppendError> {
    let invalid = |text: String| Err(AppendError::Invalid(text));
    if append.records.is_empty() || append.records.len() > MAX_RECORDS {
        return invalid(format!(
            "it holds {} records; 1 to {MAX_RECORDS} are possible",
            append.records.len()
        ));
    }
    let requests = append.records.iter().filter_map(|record| record.request_id.as_ref());
    let request = append.request.iter().chain(requests).map(String::as_str);
    for name in append.stream.parts().into_iter().chain(request) {
        if name.len() > MAX_NAME {
            return invalid(format!("a name of {} bytes exceeds {MAX_NAME}", name.len()));
        }
    }
    match append.records.iter().map(|record| record.body.len()).max() {
        Some(longest) if longest > MAX_BODY => {
            invalid(format!("a record of {longest} bytes exceeds {MAX_BODY}; split it or refer to it"))
        }
        _ => Ok(()),
    }
}

/// What an append is told.
pub(crate) type Answer = Result<Appended, AppendError>;

/// The appends of the next group commit.
pub(crate) struct Batch {
    next: Position,
    versions: HashMap<StreamId, Version>,
    accepted: HashMap<StreamId, HashMap<String, Span<Version>>>,
    entries: Vec<Entry>,
}

impl Batch {
    /// An empty batch whose first record will be at `first`.
    pub(crate) fn new(first: Position) -> Self {
        Self { next: first, versions: HashMap::new(), accepted: HashMap::new(), entries: Vec::new() }
    }

    /// Decides about one append, after all that came before it in this batch: the versions that it
    /// gets when it is accepted. The outer error means that the history could not be asked; the inner
    /// answer holds once the batch is durable.
    ///
    /// # Errors
    /// [`ReadError`] of the history.
    pub(crate) fn decide(
        &self,
        append: &Prepared,
        history: &impl History,
    ) -> Result<Result<Version, Answer>, ReadError> {
        let Prepared { stream, expect, request, .. } = append;
        let actual = self.versions.get(stream).copied().unwrap_or_else(|| history.version_of(stream));
        // A stream without records accepted nothing yet.
        if let Some(request) = request.as_ref().filter(|_| actual > 0) {
            let known = self.accepted.get(stream).and_then(|own| own.get(request)).copied();
            if let Some(span) =
                known.map_or_else(|| history.find_request(stream, request), |s| Ok(Some(s)))?
            {
                return Ok(Err(Ok(Appended::Duplicate(span))));
            }
        }
        let held = match *expect {
            Expect::NoStream => actual == 0,
            Expect::Exact(version) => actual == version,
            Expect::Any => true,
        };
        Ok(if held { Ok(actual + 1) } else { Err(Err(AppendError::Conflict { actual })) })
    }

    /// Takes in an append whose first record gets this version.
    pub(crate) fn accept(&mut self, append: Prepared, first_version: Version) -> Appended {
        let Prepared { stream, request, records, .. } = append;
        let count = records.len() as u64;
        let versions = Span { first: first_version, last: first_version + count - 1 };
        let positions = Span { first: self.next, last: self.next + count - 1 };
        self.next += count;
        self.versions.insert(stream.clone(), versions.last);
        if let Some(request) = &request {
            self.accepted.entry(stream.clone()).or_default().insert(request.clone(), versions);
        }
        self.entries.push(Entry { stream, first_version, request, records });
        Appended::Written { positions, versions }
    }

    /// What there is to write, all bodies inline.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The entry that was accepted last.
    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn store(record: crate::journal::NewRecord) -> Stored {
    Stored {
        kind: record.kind,
        schema: record.schema,
        at: record.at,
        request_id: record.request_id,
        causation: record.causation,
        key_id: 0,
        body_hash: body_hash(&record.body),
        body: Body::Inline(Bytes(record.body)),
    }
}
