//! Each row of the register carries a digest of itself. The register is not chained, because rows change and are erased;
//! but a name, a skill or a secret with a flipped bit is refused by name rather than believed.
//!
//! A step of the schema that adds a column to these tables must put it before `digest` and seal every row again.

use rusqlite::{Connection, Row, ToSql, types::ValueRef};
use sha2::{Digest as _, Sha256};

use crate::StoreError;

/// Tables of the register, with the column that names a row.
pub const SEALED: [(&str, &str); 5] = [
    ("responder", "responder"),
    ("device", "device"),
    ("trunk", "trunk"),
    ("aed", "aed"),
    ("address", "incident"),
];

/// Bytes of a digest: half a SHA-256, against accidents rather than attackers.
type Digest = [u8; 16];

/// Writes the digest of the row of `table` whose column `key` is `id`.
pub fn seal(connection: &Connection, table: &str, key: &str, id: &dyn ToSql) -> rusqlite::Result<()> {
    let digest = connection
        .prepare_cached(&format!("SELECT * FROM {table} WHERE {key} = ?"))?
        .query_row([id], |row| of_row(table, row))?;
    connection
        .prepare_cached(&format!("UPDATE {table} SET digest = ?2 WHERE {key} = ?1"))?
        .execute([id, &digest])?;
    Ok(())
}

/// Seals every row of the tables of schema 2, for the step that brought digests.
pub fn seal_all(connection: &Connection) -> rusqlite::Result<()> {
    let later = ["trunk", "aed"];
    for (table, key) in SEALED.into_iter().filter(|(table, _)| !later.contains(table)) {
        seal_table(connection, table, key)?;
    }
    Ok(())
}

/// Seals every row of `table`, whose column `key` names a row.
pub fn seal_table(connection: &Connection, table: &str, key: &str) -> rusqlite::Result<()> {
    let mut ids = connection.prepare(&format!("SELECT {key} FROM {table}"))?;
    let ids: Vec<Vec<u8>> = ids.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    ids.iter().try_for_each(|id| seal(connection, table, key, id))
}

/// Refuses the rows of `table`, for now under the name `renamed`, unless each is what was written.
pub fn check_all(connection: &Connection, table: &'static str, renamed: &str) -> Result<(), StoreError> {
    let reading = crate::error::while_doing("reading the register");
    let mut rows = connection
        .prepare(&format!("SELECT * FROM {renamed}"))
        .map_err(&reading)?;
    let mut rows = rows.query([]).map_err(&reading)?;
    while let Some(row) = rows.next().map_err(&reading)? {
        check(table, row)?;
    }
    Ok(())
}

/// Refuses a row, all columns of `table`, whose digest is not the one of its fields.
pub fn check(table: &'static str, row: &Row<'_>) -> Result<(), StoreError> {
    let reading = crate::error::while_doing("reading the register");
    let columns = AsRef::<rusqlite::Statement<'_>>::as_ref(row).column_count();
    let digest = row
        .get_ref(columns - 1)
        .map_err(&reading)?
        .as_blob()
        .unwrap_or_default();
    if digest == of_row(table, row).map_err(&reading)? {
        return Ok(());
    }
    let (_, key) = SEALED
        .into_iter()
        .find(|(name, _)| *name == table)
        .expect("called for sealed tables");
    let id = row
        .get_ref(key)
        .map_err(&reading)?
        .as_bytes()
        .unwrap_or_default()
        .to_vec();
    Err(StoreError::DamagedRow { table, id: hex(&id) })
}

/// Hashes every column but the digest itself, in order, with its type and length, so that no two rows look alike.
fn of_row(table: &str, row: &Row<'_>) -> rusqlite::Result<Digest> {
    let statement: &rusqlite::Statement<'_> = row.as_ref();
    let mut hash = Sha256::new().chain_update(table);
    // The digest is the last column; looking it up by name for each row would cost more than the hash.
    for at in 0..statement.column_count() - 1 {
        let number;
        let (kind, bytes): (u8, &[u8]) = match row.get_ref(at)? {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(value) => {
                number = value.to_le_bytes();
                (1, &number)
            }
            ValueRef::Real(value) => {
                number = value.to_le_bytes();
                (2, &number)
            }
            ValueRef::Text(bytes) => (3, bytes),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    let hash = hash.finalize();
    Ok(std::array::from_fn(|at| hash[at]))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
