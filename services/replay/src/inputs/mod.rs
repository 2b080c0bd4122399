//! Files that a study is made of: rows of comma-separated values, checked one by one.
//!
//! A row that cannot be used is told with its line, the field, what it says and what is accepted. A file with such rows
//! is refused unless the caller chose to skip them; either way all are counted and the first are told.

mod incidents;
mod place;
mod population;
mod responders;
mod rows;
#[cfg(test)]
mod tests;

pub use incidents::incidents;
pub use population::{LONDON, population};
pub use responders::{Responder, responders};
pub use rows::{BAD_ROWS_TOLD, BadRow, ReadError, Rows};
