//! A table that grows without ever being copied: equal chunks that stay where they are.

/// The table; a chunk has 2^SHIFT elements, chosen so that making one is not noticed: at most 64 kB.
pub(super) struct Chunks<T, const SHIFT: u32> {
    chunks: Vec<Box<[T]>>,
    len: usize,
    blank: T,
}

impl<T: Copy, const SHIFT: u32> Chunks<T, SHIFT> {
    const CHUNK: usize = 1 << SHIFT;

    /// An empty table, whose new elements are `blank`.
    pub(super) fn new(blank: T) -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
            blank,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds `count` elements side by side and returns the number of the first. `count` divides the length of a chunk and
    /// is the same each time.
    pub(super) fn extend(&mut self, count: usize) -> u32 {
        let first = self.len;
        self.len += count;
        while self.chunks.len() * Self::CHUNK < self.len {
            self.chunks.push(vec![self.blank; Self::CHUNK].into_boxed_slice());
        }
        u32::try_from(first).expect("fewer than four billion elements")
    }

    pub(super) fn get(&self, number: u32) -> &T {
        &self.chunks[(number >> SHIFT) as usize][number as usize % Self::CHUNK]
    }

    pub(super) fn get_mut(&mut self, number: u32) -> &mut T {
        &mut self.chunks[(number >> SHIFT) as usize][number as usize % Self::CHUNK]
    }

    /// `count` elements from `first` on that were added together.
    pub(super) fn slice(&self, first: u32, count: usize) -> &[T] {
        let start = first as usize % Self::CHUNK;
        &self.chunks[(first >> SHIFT) as usize][start..start + count]
    }
}
