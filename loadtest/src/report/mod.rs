//! What people are shown of a result: a page, a table at the end of a run, two runs side by side. Measures nothing, and
//! judges only whether two runs differ by more than chance; whether a level was met is in the result.

mod compare;
#[cfg(test)]
mod examples;
mod noise;
mod page;
mod read;
mod reading;
mod summary;

pub(crate) use muster_plot::words;

pub use compare::compare;
pub use page::page;
pub use read::{ReadError, read};
pub use summary::summary;
