//! The ways out of damage: segments beside the journal, backups, restores, and the check of it all.
//!
//! A frame goes through here as the bytes that it is stored as, so that hashes, checksums and the
//! chain stay what they are.

mod archiver;
mod backup;
mod block;
mod carve;
mod compacted;
mod error;
mod folder;
mod frames;
mod lines;
mod restore;
mod salvage;
mod scan;
mod scrub;
mod seal;
mod segment;

pub use self::archiver::{ArchiveState, Archiver, ArchiverOptions, seal_archive};
pub use self::backup::{Backup, backup, backup_archive};
pub use self::compacted::Compacted;
pub use self::error::{ArchiveError, Fault};
pub use self::folder::{Manifest, ManifestSegment};
pub(crate) use self::frames::{FrameSource, RawFrame};
pub use self::lines::{Line, LineAppend, LineExport, LineFrame, export, export_segment, import, is_segment};
pub use self::restore::{Restored, restore, salvage};
pub use self::salvage::Piece;
pub use self::scrub::{Scrub, scrub};
pub use self::seal::{Sealed, SegmentSize};

#[cfg(test)]
mod tests;
