//! What people are shown of a run: pages that hold together whatever was measured, texts that say what matters, files that
//! are read back or refused.

mod files;
mod pages;
mod sample;
mod texts;
