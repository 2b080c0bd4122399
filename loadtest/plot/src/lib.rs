//! What our pages of results are made of: axes, a frame with a grid, lines, labels that keep apart, numbers in words, and
//! one style. Text is escaped by the markup macro; colours are classes, so that the style decides them for light, dark
//! and paper.
//!
//! Shared by the load test and the policy laboratory. Knows nothing of what is shown, and no file.

mod axis;
mod frame;
pub mod words;

pub use axis::Axis;
pub use frame::{Frame, line, short, spread, wrapped};

/// The style every page begins with: colours, type, tables, plots. A page adds rules for parts of its own behind it.
pub const STYLE: &str = include_str!("style.css");
