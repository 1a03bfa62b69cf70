//! The next frame while it is gathered.

use super::news::News;
use super::shared::Shared;
use super::spill;
use super::writer::Job;
use crate::codec::CodecError;
use crate::frame::FrameHead;
use crate::journal::{AppendError, Appended, ReadError};
use crate::open::is_full;
use crate::order::{Answer, Batch, MAX_RECORDS, Prepared};
use crate::record::{Hash, Position, Version};
use crate::seal::Sealing;
use tokio::sync::oneshot;

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<Answer>;

/// Appends that go into the next frame, and those that are refused but may refer to them.
pub(super) struct Gathering {
    batch: Batch,
    sealing: Sealing,
    spilled: Vec<(usize, Vec<u8>)>,
    answers: Vec<(Reply, Answer)>,
    records: usize,
    weight: usize,
}

/// A frame that is ready to be written.
pub(super) struct Sealed {
    pub(super) head: FrameHead,
    pub(super) hash: Hash,
    pub(super) news: News,
    /// Those who wait, with what they are told when it is on disk.
    pub(super) answers: Vec<(Reply, Answer)>,
}

/// Why an append could not be taken in.
pub(super) enum Refused {
    /// It alone; nothing was written.
    Full,
    /// Nothing more can be written.
    Failed(String),
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Gathering {
    /// Nothing yet; the first record will be at `first`.
    pub(super) fn new(first: Position) -> Self {
        Self {
            batch: Batch::new(first),
            sealing: Sealing::new(first),
            spilled: Vec::new(),
            answers: Vec::new(),
            records: 0,
            weight: 0,
        }
    }

    /// Whether an append still fits; the first one always does.
    pub(super) fn has_room_for(&self, job: &Job) -> bool {
        let records = self.records + job.append.records.len();
        let weight = self.weight + spill::weight(&job.append);
        self.records == 0 || (records <= MAX_RECORDS && weight <= spill::ROOM)
    }

    /// Decides about an append, after all that came before it, and takes it in.
    ///
    /// # Errors
    /// [`Refused`], with the way to answer.
    pub(super) fn admit(&mut self, mut job: Job, shared: &Shared) -> Result<(), (Reply, Refused)> {
        let decided = self.batch.decide(&job.append, shared);
        let answer = match decided {
            Err(error) => return Err((job.reply, error.into())),
            Ok(Err(answer)) => answer,
            Ok(Ok(first)) => match spill::spill(&shared.blobs, &mut job.append) {
                // A blob without a frame is nothing yet: a full disk costs no more than this answer.
                Err(error) if is_full(&error) => return Err((job.reply, Refused::Full)),
                Err(error) => {
                    let text = format!("a large body could not be written: {error}");
                    return Err((job.reply, Refused::Failed(text)));
                }
                Ok(spilled) => Ok(self.accept(job.append, first, spilled)),
            },
        };
        self.answers.push((job.reply, answer));
        Ok(())
    }

    fn accept(&mut self, append: Prepared, first: Version, spilled: Vec<(usize, Vec<u8>)>) -> Appended {
        self.weight += spill::weight(&append);
        self.spilled.extend(spilled.into_iter().map(|(place, body)| (self.records + place, body)));
        self.records += append.records.len();
        let appended = self.batch.accept(append, first);
        if let Some(entry) = self.batch.last() {
            self.sealing.push(entry);
        }
        appended
    }

    /// Takes in someone who is refused.
    pub(super) fn refuse(&mut self, reply: Reply, refusal: AppendError) {
        self.answers.push((reply, Err(refusal)));
    }

    /// Seals the frame; gives its bytes too.
    ///
    /// # Errors
    /// [`CodecError`] when it does not encode.
    pub(super) fn seal(self, previous: Hash) -> Result<(Vec<u8>, Sealed), CodecError> {
        let Self { batch, sealing, spilled, answers, .. } = self;
        let (head, bytes) = sealing.seal(0, previous)?;
        let hash = head.hash();
        let news = News::of(&head, hash, batch.into_entries(), spilled);
        Ok((bytes, Sealed { head, hash, news, answers }))
    }

    /// Whether there is nothing to write.
    pub(super) fn writes_nothing(&self) -> bool {
        self.batch.is_empty()
    }

    /// Those who wait, with what they would be told.
    pub(super) fn into_answers(self) -> Vec<(Reply, Answer)> {
        self.answers
    }
}

/// Answers what was decided, unless something went wrong since.
pub(super) fn answer(answers: Vec<(Reply, Answer)>, outcome: &Result<(), AppendError>) {
    for (reply, answer) in answers {
        // Nobody waits any more: the append stands all the same.
        let _ = reply.send(outcome.clone().and(answer));
    }
}
