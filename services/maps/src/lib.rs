//! Outside maps, read into the types of the core: streets, defibrillators, regions.
//!
//! Each format has its own file and its own errors, which name the line or the element. Absent on purpose: searching,
//! choosing, and any network access; files come in, checked types come out.

pub mod aeds;
pub mod regions;
pub mod roads;
