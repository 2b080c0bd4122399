//! A reader that knows its limits: how much may come altogether, how much for one element, and which line it is at.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;

/// Text of a map, unpacked, at most: 64 GiB is a large country as XML. A small packed file cannot keep an import busy for
/// longer than that.
const TEXT_MAX: u64 = 64 << 30;
/// One XML element or one line of a table at most; OpenStreetMap's longest tag has 255 characters.
const ELEMENT_MAX: usize = 1 << 20;

/// The unpacked text of a file, counted.
pub(super) struct Bounded {
    inner: Box<dyn BufRead>,
    left: u64,
    element_left: usize,
    line: u64,
}

impl Bounded {
    /// Opens a file; one that ends in `.gz` is unpacked.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = BufReader::new(File::open(path)?);
        let is_packed = path.extension().is_some_and(|ending| ending == "gz");
        let inner: Box<dyn BufRead> = if is_packed {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self {
            inner,
            left: TEXT_MAX,
            element_left: ELEMENT_MAX,
            line: 1,
        })
    }

    /// The next element may be as long as any.
    pub(super) fn begin_element(&mut self) {
        self.element_left = ELEMENT_MAX;
    }

    /// The line that is read, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }
}

impl BufRead for Bounded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let text = self.inner.fill_buf()?;
        if text.is_empty() {
            return Ok(text);
        }
        if self.left == 0 {
            return Err(io::Error::other("more than 64 GiB of text; import a smaller area"));
        }
        if self.element_left == 0 {
            return Err(io::Error::other("an element or line of more than 1 MiB"));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.element_left);
        Ok(&text[..text.len().min(most)])
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(text) = self.inner.fill_buf() {
            let text = &text[..amount.min(text.len())];
            self.line += text.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.inner.consume(amount);
        self.left = self.left.saturating_sub(amount as u64);
        self.element_left = self.element_left.saturating_sub(amount);
    }
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let text = self.fill_buf()?;
        let amount = text.len().min(into.len());
        into[..amount].copy_from_slice(&text[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}
