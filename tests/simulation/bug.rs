//! Bugs that can be planted, to see that the simulation finds them.

/// One planted bug. Each breaks one promise of the runtime, the entity or the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The journal acknowledges what it did not write.
    LosesAcknowledged,
    /// The journal leaves out the last record of an append.
    TearsAppends,
    /// The journal answers before the records are durable.
    AnswersTooEarly,
    /// The runtime starts an effect before its intent is durable.
    StartsTooEarly,
    /// A second router serves the same streams.
    TwoRouters,
    /// An outcome of an older attempt is taken for the one that is awaited.
    TakesLateOutcomes,
    /// An outcome is recorded twice.
    DoublesOutcomes,
    /// A turn ends twice.
    EndsTwice,
    /// A turn ends while its intent is open.
    EndsTooEarly,
    /// An effect is started twice.
    DoublesEffects,
    /// An accepted request is not remembered.
    ForgetsRequests,
    /// A token is given out twice.
    ReusesTokens,
    /// What a crash cut off is left as it is.
    NeverResumes,
    /// What a crash cut off is tried again without an outcome of the first attempt.
    ResumesWithoutOutcome,
    /// Anybody may ask in a conversation of somebody else.
    LetsStrangersIn,
    /// A snapshot leaves out what it should hold.
    SnapshotsForget,
    /// A call of the model that has finished is made again.
    RecallsTheModel,
    /// A call that the model wanted gets no answer.
    LeavesCallsUnanswered,
    /// A cancellation is confirmed and not recorded.
    CancelsInWordsOnly,
}

impl Bug {
    pub(crate) const ALL: [Self; 19] = [
        Self::LosesAcknowledged,
        Self::TearsAppends,
        Self::AnswersTooEarly,
        Self::StartsTooEarly,
        Self::TwoRouters,
        Self::TakesLateOutcomes,
        Self::DoublesOutcomes,
        Self::EndsTwice,
        Self::EndsTooEarly,
        Self::DoublesEffects,
        Self::ForgetsRequests,
        Self::ReusesTokens,
        Self::NeverResumes,
        Self::ResumesWithoutOutcome,
        Self::LetsStrangersIn,
        Self::SnapshotsForget,
        Self::RecallsTheModel,
        Self::LeavesCallsUnanswered,
        Self::CancelsInWordsOnly,
    ];
}
