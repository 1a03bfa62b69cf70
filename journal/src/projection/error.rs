//! What can go wrong with a projection; none of it reaches the journal.

use crate::derived::DerivedError;
use crate::journal::ReadError;

/// Why a projection does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// There is none of this name.
    #[error("there is no projection `{name}`; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Two have the same name.
    #[error("the projection `{0}` is registered twice")]
    Twice(String),
    /// Nothing can be read yet.
    #[error("the projection `{0}` is being built for the first time; try again in a moment")]
    NotBuilt(String),
    /// Its rows could not be kept.
    #[error(transparent)]
    Derived(#[from] DerivedError),
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// It broke on a record.
    #[error("the projection `{name}` broke after position {position}: {text}")]
    Broke {
        /// Which.
        name: String,
        /// The last position that it has taken in.
        position: u64,
        /// What it said.
        text: String,
    },
    /// The process is stopping.
    #[error("projections are stopping")]
    Stopped,
}

impl ProjectionError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "projection_unknown",
            Self::Twice(_) => "projection_registered_twice",
            Self::NotBuilt(_) => "projection_not_built",
            Self::Derived(error) => error.code(),
            Self::Journal(error) => error.code(),
            Self::Broke { .. } => "projection_broke",
            Self::Stopped => "projection_stopped",
        }
    }
}
