//! An operator's word that the journal as it stands is all there is, when the side file is lost or knows of records that
//! are gone and no backup has them.
//!
//! Never done by the service itself: without the side file nobody can say whether acknowledged records are missing, and
//! a start that guesses would hide exactly the loss that the side file is there to show.

use std::path::Path;

use crate::{
    StoreError,
    chain::Head,
    error::on_file,
    head::{HeadFile, head_file, newest, read_slots},
    lock::StoreLock,
    schema,
    soundness::{self, damaged},
};

/// Takes the end of the journal as the last acknowledged record, if all that is there is sound; gives that record and
/// what the side file said before. Refused while a service runs, and when a record is damaged: then only a backup helps.
pub fn accept_head(store: &Path) -> Result<(u64, Option<u64>), StoreError> {
    let _lock = StoreLock::take(store)?;
    let connection = schema::open_reading(store)?;
    let path = head_file(store);
    let before = newest(read_slots(&path).map_err(on_file("reading how far the journal went", &path))?);
    let end = soundness::end(&connection)?;
    let claimed: [Option<Head>; 2] = [Some(end), None];
    soundness::check(&connection, soundness::base(&connection)?, claimed)?
        .map_err(|source| damaged(&connection, store, source))?;
    HeadFile::create(&path, end).map_err(on_file("writing it anew", &path))?;
    Ok((end.sequence, before.map(|head| head.sequence)))
}
