//! `muster audit show` and `muster audit redecide`: what was decided about an incident and why, and whether deciding again
//! gives the same. Both read the store itself, so they work while the service runs and when it does not.

mod call_out;
mod differences;
mod fields;
mod not_asked;
pub mod redecide;
mod shelf;
pub mod show;
mod source;
mod story;
mod why;
mod words;

#[cfg(test)]
mod scene;
