//! What an operator may choose about the store.

/// Bytes kept for bad days unless told otherwise: some hundred thousand accepts, stand-downs and endings.
pub const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// Choices about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Size of the file that is given up when the disk is full; 0 for none.
    pub reserve_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            reserve_bytes: RESERVE_BYTES,
        }
    }
}
