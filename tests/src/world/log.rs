//! What happened in a run, line by line: a fingerprint over all of it, and the last lines for the reader.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    hash::{DefaultHasher, Hasher as _},
};

use super::agenda::Ms;

/// Lines kept for the reader of a violation: some minutes of a busy world.
pub const TAIL_LINES: usize = 400;

/// The log of a run.
pub struct Log {
    hash: DefaultHasher,
    lines: u64,
    tail: VecDeque<String>,
    line: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            // Keyed with zeroes, so that equal logs have equal fingerprints in every run.
            hash: DefaultHasher::new(),
            lines: 0,
            tail: VecDeque::with_capacity(TAIL_LINES),
            line: String::new(),
        }
    }
}

impl Log {
    /// Adds a line.
    pub fn add(&mut self, at: Ms, what: std::fmt::Arguments<'_>) {
        self.line.clear();
        write!(self.line, "{at:>9} {what}").expect("writing to memory");
        self.hash.write(self.line.as_bytes());
        self.hash.write_u8(0xff);
        self.lines += 1;
        let mut oldest = if self.tail.len() == TAIL_LINES {
            self.tail.pop_front().unwrap_or_default()
        } else {
            String::new()
        };
        oldest.clear();
        oldest.push_str(&self.line);
        self.tail.push_back(oldest);
    }

    /// Over every byte of every line so far.
    pub fn fingerprint(&self) -> u64 {
        self.hash.finish()
    }

    /// How many lines there have been.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The newest lines, oldest first.
    pub fn tail(&self) -> impl Iterator<Item = &str> {
        self.tail.iter().map(String::as_str)
    }
}
