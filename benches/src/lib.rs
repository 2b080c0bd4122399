//! What the benchmarks share: a country of responders. No timing here: whoever uses it does their own.

mod country;

pub use country::{Country, Degrees, Flat, in_degrees, on_the_sphere};
