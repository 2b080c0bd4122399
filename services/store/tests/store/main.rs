//! The embedded store against real files. `contract` is what any store must do; the rest is SQLite's.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

mod backup;
mod contract;
mod damage;
mod faults;
mod full;
mod scenes;
mod snapshots;
mod sqlite;
mod upgrade;
mod verify;
