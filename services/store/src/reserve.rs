//! A file of real blocks beside the store that is given up when the disk is full, so that accepts, stand-downs and
//! endings can still be written while somebody makes room.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};

use crate::file::create_empty;

/// The reserve of one store.
pub struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// The reserve of the store at `store`, of `bytes`; 0 means that there is none. Nothing is touched yet.
    pub fn of(store: &Path, bytes: u64) -> Self {
        let path = store.with_extension("reserve");
        Self { path, bytes }
    }

    /// Whether the file is there with its full size.
    pub fn is_whole(&self) -> bool {
        self.bytes == 0 || fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes)
    }

    /// Makes the file if the disk has room for it and as much again, so that it is not eaten up at once by the next
    /// group. Tells whether the reserve is whole.
    pub fn restore(&self) -> io::Result<bool> {
        if self.is_whole() {
            return Ok(true);
        }
        if self.free()? < self.bytes.saturating_mul(2) {
            return Ok(false);
        }
        let part = self.path.with_extension("reserve-part");
        let made = fill(&part, self.bytes).and_then(|()| fs::rename(&part, &self.path));
        if made.is_err() {
            // Half a reserve is of no use to anybody.
            let _ = fs::remove_file(&part);
        }
        made.map(|()| true)
    }

    /// Gives the space to whoever needs it.
    pub fn release(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Bytes that an ordinary process may still write on the disk of the store.
    fn free(&self) -> io::Result<u64> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let disk = statvfs(directory.unwrap_or(Path::new(".")))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn fill(path: &Path, bytes: u64) -> io::Result<()> {
    let file = create_empty(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        // Some file systems cannot promise blocks; writing them does.
        Err(Errno::OPNOTSUPP) => write_zeros(file, bytes),
        outcome => Ok(outcome?),
    }
}

fn write_zeros(mut file: File, bytes: u64) -> io::Result<()> {
    const BLOCK: usize = 64 * 1024;
    let zeros = [0; BLOCK];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        file.write_all(&zeros[..now])?;
        left -= now as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_real_blocks_until_released() {
        let dir = tempfile::tempdir().expect("a directory");
        let reserve = Reserve::of(&dir.path().join("a.sqlite"), 1 << 20);
        assert!(!reserve.is_whole());
        assert!(reserve.restore().expect("made"));
        #[cfg(unix)]
        {
            let file = fs::metadata(dir.path().join("a.reserve")).expect("there");
            assert!(std::os::unix::fs::MetadataExt::blocks(&file) * 512 >= 1 << 20);
        }
        reserve.release().expect("released");
        reserve.release().expect("released twice");
        assert!(!reserve.is_whole());
    }

    #[test]
    fn is_not_made_on_a_disk_without_room() {
        let dir = tempfile::tempdir().expect("a directory");
        let reserve = Reserve::of(&dir.path().join("a.sqlite"), 1 << 62);
        assert!(!reserve.restore().expect("looked"));
        assert_eq!(fs::read_dir(dir.path()).expect("read").count(), 0);
    }
}
