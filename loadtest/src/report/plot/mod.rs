//! The few shapes our plots are made of: axes, a frame with a grid, lines, labels that keep apart. Text is escaped by the
//! markup macro; colours are classes, so that the page decides them for light, dark and paper.

mod axis;
mod frame;

pub use axis::Axis;
pub use frame::{Frame, line, short, spread, wrapped};
