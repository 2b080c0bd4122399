//! The embedded store against real files. `contract` is what any store must do; the rest is SQLite's.
#![allow(clippy::unwrap_used, missing_docs)]

mod contract;
mod faults;
mod scenes;
mod sqlite;
