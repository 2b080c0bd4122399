//! Looks for damage in a store without changing it, beside a running service or without one: the chain, the side file,
//! SQLite's own check, the digests of the register, and what is derived from the journal.

use std::path::Path;

use rusqlite::{Connection, Row};

use crate::{
    Affected, StoreError,
    chain::Head,
    damage::{Damage, Recovered},
    digest::{self, SEALED, hex},
    error::{on_file, while_doing},
    head::{from_slot, head_file, is_spoilt, newest, read_raw},
    project::{self, Story},
    rows::{self, signed},
    schema, snapshot, soundness,
};

/// Findings of one kind listed before they are only counted.
const LISTED_MAX: usize = 100;

/// What a check of a store found.
#[derive(Debug, Default)]
pub struct Report {
    /// The first record there is; 0 when there is none. Earlier ones were let go for their age.
    pub first: u64,
    /// The last record there is; 0 when there never was one.
    pub last: u64,
    /// When the last record was written, UTC.
    pub last_at_ms: Option<i64>,
    /// How far the journal was acknowledged, by the side file.
    pub acknowledged: Option<u64>,
    /// One of the two marks that say so cannot be read: its write was cut short, or it is damaged. The other one holds.
    pub spoilt_mark: bool,
    /// People, devices and addresses in the register.
    pub register_rows: u64,
    /// The first thing wrong with the journal.
    pub damage: Option<Damage>,
    /// Records that are damaged or gone, and their incidents.
    pub affected: Affected,
    /// What else is wrong, one sentence each; the first hundred of each kind.
    pub findings: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.damage.is_none() && self.affected.records_count == 0 && self.findings.is_empty()
    }
}

/// Checks the store in the file `path` from end to end. An error means that it could not be looked at; damage is in the
/// report.
pub fn verify(path: &Path) -> Result<Report, StoreError> {
    let connection = schema::open_reading(path)?;
    // The side file first: the journal seen afterwards is at least as long.
    let head = head_file(path);
    let marks = read_raw(&head).map_err(on_file("reading how far the journal went", &head))?;
    let slots = marks.each_ref().map(|mark| from_slot(mark));
    let connection = connection
        .unchecked_transaction()
        .map_err(while_doing("beginning to read"))?;
    let mut report = Report {
        acknowledged: newest(slots).map(|head| head.sequence),
        spoilt_mark: marks.iter().any(|mark| is_spoilt(mark)),
        ..Report::default()
    };
    check_pages(&connection, &mut report);
    if let Err(error) = check_schema(&connection) {
        report.findings.push(format!("the schema: {error}"));
    }
    match check_journal(&connection, slots, &mut report) {
        Ok(()) => {}
        Err(error) => report.findings.push(with_causes(&error)),
    }
    if let Err(error) = check_snapshots(&connection, path, &mut report) {
        report.findings.push(with_causes(&error));
    }
    for (table, key) in SEALED {
        match check_register(&connection, table, key) {
            Ok((rows, findings)) => {
                report.register_rows += rows;
                report.findings.extend(findings);
            }
            Err(error) => report.findings.push(with_causes(&error)),
        }
    }
    // What is derived from a damaged journal says nothing.
    if report.damage.is_none() {
        match check_derived(&connection) {
            Ok(findings) => report.findings.extend(findings),
            Err(error) => report.findings.push(with_causes(&error)),
        }
    }
    Ok(report)
}

/// Builds the tables anew from their stored definitions. A connection that only reads passes over a damaged constraint, on
/// which the service would stumble.
fn check_schema(connection: &Connection) -> rusqlite::Result<()> {
    let scratch = Connection::open_in_memory()?;
    let mut definitions = connection.prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
         ORDER BY type <> 'table', rowid",
    )?;
    let mut rows = definitions.query([])?;
    while let Some(row) = rows.next()? {
        scratch.execute_batch(&row.get::<_, String>(0)?)?;
    }
    Ok(())
}

fn check_pages(connection: &Connection, report: &mut Report) {
    let told = connection.prepare("PRAGMA integrity_check(100)").and_then(|mut check| {
        check
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()
    });
    match told {
        Ok(told) => report.findings.extend(
            told.into_iter()
                .filter(|line| line != "ok")
                .map(|line| format!("SQLite: {line}")),
        ),
        Err(error) => report.findings.push(format!("SQLite: {error}")),
    }
}

fn check_journal(connection: &Connection, slots: [Option<Head>; 2], report: &mut Report) -> Result<(), StoreError> {
    let base = soundness::base(connection)?;
    let (last, last_at_ms) = connection
        .query_row(
            "SELECT sequence, at_ms FROM journal ORDER BY sequence DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, i64>(0)?, Some(row.get(1)?))),
        )
        .unwrap_or((signed(base.sequence), None));
    report.last = u64::try_from(last).unwrap_or(0);
    report.last_at_ms = last_at_ms;
    if report.last > base.sequence {
        report.first = base.sequence + 1;
    }
    match soundness::check(connection, base, slots)? {
        Ok(Recovered { cut_off: false, .. }) => {}
        Ok(Recovered { end, .. }) => report.findings.push(format!(
            "records after {} are damaged; they were never acknowledged and go at the next start",
            end.sequence
        )),
        Err(damage) => {
            report.affected = soundness::affected(connection, &damage);
            report.damage = Some(damage);
        }
    }
    Ok(())
}

fn check_snapshots(connection: &Connection, store: &Path, report: &mut Report) -> Result<(), StoreError> {
    let base = soundness::base(connection)?;
    let mut covering = base.sequence == 0;
    for (sequence, path) in snapshot::list(store).map_err(on_file("listing snapshots", store))? {
        // One that is newer than the moment being looked at.
        if sequence > report.last {
            continue;
        }
        match snapshot::sound(connection, &path)? {
            Ok(_) => covering = true,
            // Replaced meanwhile by a running service.
            Err(_) if !path.exists() => {}
            Err(why) => report.findings.push(format!("snapshot {sequence}: {why}")),
        }
    }
    if !covering {
        report.findings.push(format!(
            "the journal begins after record {} and no sound snapshot says what was before",
            base.sequence
        ));
    }
    Ok(())
}

fn check_register(connection: &Connection, table: &'static str, key: &str) -> Result<(u64, Vec<String>), StoreError> {
    let reading = while_doing("reading the register");
    let mut findings = Vec::new();
    let mut statement = connection
        .prepare(&format!("SELECT * FROM {table} ORDER BY {key}"))
        .map_err(&reading)?;
    let mut rows = statement.query([]).map_err(&reading)?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(&reading)? {
        count += 1;
        if let Err(error) = digest::check(table, row)
            && findings.len() < LISTED_MAX
        {
            findings.push(error.to_string());
        }
    }
    Ok((count, findings))
}

/// Derives the lists anew beside the store and compares. Incidents whose first records were let go cannot be compared.
fn check_derived(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let deriving = while_doing("deriving the lists anew");
    let base = soundness::base(connection)?;
    let scratch = Connection::open_in_memory().map_err(&deriving)?;
    scratch.execute_batch(schema::FIRST).map_err(&deriving)?;
    let mut statement = connection
        .prepare("SELECT sequence, at_ms, record, tenant, incident FROM journal ORDER BY sequence")
        .map_err(&deriving)?;
    let mut findings = Vec::new();
    let mut rows = statement.query([]).map_err(&deriving)?;
    while let Some(row) = rows.next().map_err(&deriving)? {
        let entry = rows::entry(row)?;
        project::project(&scratch, &entry).map_err(&deriving)?;
        let filed = Story {
            tenant: row.get("tenant").map_err(&deriving)?,
            incident: row.get("incident").map_err(&deriving)?,
        };
        // Unknown here: its incident began before the base.
        let derived = project::story(&scratch, &entry).map_err(&deriving)?;
        if derived.is_some_and(|derived| derived != filed) && findings.len() < LISTED_MAX {
            findings.push(format!("record {} is filed under another incident", entry.sequence));
        }
    }
    for (table, sql) in DERIVED {
        compare(connection, &scratch, table, sql, base.sequence, &mut findings).map_err(&deriving)?;
    }
    Ok(findings)
}

/// Tables derived from the journal, ordered by their first column; the last one is the incident's first record.
const DERIVED: [(&str, &str); 2] = [
    ("incident", "SELECT * FROM incident ORDER BY incident"),
    (
        "alert_incident",
        "SELECT alert, incident, first_sequence FROM alert_incident JOIN incident USING (incident) ORDER BY alert",
    ),
];

type Columns = Option<Vec<Vec<u8>>>;

/// Walks two ordered lists side by side and names the rows that differ.
fn compare(
    ours: &Connection,
    derived: &Connection,
    table: &str,
    sql: &str,
    base: u64,
    findings: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let (mut ours, mut derived) = (ours.prepare(sql)?, derived.prepare(sql)?);
    let (mut ours, mut derived) = (ours.query([])?, derived.query([])?);
    let (mut left, mut right) = (next(&mut ours)?, next(&mut derived)?);
    let listed_max = findings.len() + LISTED_MAX;
    while (left.is_some() || right.is_some()) && findings.len() < listed_max {
        let order = id(&left).cmp(&id(&right));
        let began_before = order.is_le() && first_sequence(&left) <= base;
        if !began_before && left != right {
            let (_, id) = if order.is_gt() { id(&right) } else { id(&left) };
            findings.push(format!("table {table}: row {} is not what the journal says", hex(id)));
        }
        if order.is_le() {
            left = next(&mut ours)?;
        }
        if order.is_ge() {
            right = next(&mut derived)?;
        }
    }
    Ok(())
}

/// The first column; the end of a list comes after everything.
fn id(row: &Columns) -> (bool, &[u8]) {
    let id = row.as_ref().and_then(|row| row.first());
    (row.is_none(), id.map_or(&[], Vec::as_slice))
}

fn first_sequence(row: &Columns) -> u64 {
    let last = row.as_ref().and_then(|row| row.last()?.as_slice().try_into().ok());
    last.map_or(0, u64::from_le_bytes)
}

/// The columns of the next row as bytes.
fn next(rows: &mut rusqlite::Rows<'_>) -> rusqlite::Result<Columns> {
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let count = AsRef::<rusqlite::Statement<'_>>::as_ref(row).column_count();
    (0..count).map(|at| bytes(row, at)).collect::<Result<_, _>>().map(Some)
}

fn bytes(row: &Row<'_>, at: usize) -> rusqlite::Result<Vec<u8>> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(at)? {
        ValueRef::Null => Vec::new(),
        ValueRef::Integer(value) => value.to_le_bytes().to_vec(),
        ValueRef::Real(value) => value.to_le_bytes().to_vec(),
        ValueRef::Text(value) | ValueRef::Blob(value) => value.to_vec(),
    })
}

fn with_causes(error: &StoreError) -> String {
    crate::error::as_journal_error("", error).cause
}
