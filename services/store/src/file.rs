//! How the store makes its files: for their owner only, and with a name that survives a power cut.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Opens for writing, for the owner only if it is made by this; `how` says whether it may be there.
pub fn open_private(path: &Path, how: impl FnOnce(&mut OpenOptions) -> &mut OpenOptions) -> io::Result<File> {
    let mut options = OpenOptions::new();
    how(options.write(true));
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The same, empty whatever was there.
pub fn create_empty(path: &Path) -> io::Result<File> {
    open_private(path, |options| options.create(true).truncate(true))
}

/// A new name is on the disk only when its directory is.
pub fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
