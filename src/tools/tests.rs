//! Promises of the tools, over a real database and a real journal.
