//! PostGIS: a table of points with a GiST index (an R-tree). Answers on the flat map, which costs it less than the sphere;
//! one UPDATE moves many.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use muster_benches::Flat;
use postgres::{Client, NoTls, Statement};
use rustix::process::Signal;

use super::{Server, folder, is_root, no_launcher, text};
use crate::peer::{Moved, Peer};

/// Where Debian and Ubuntu put each version's programs, and its extensions.
const PROGRAMS: &str = "/usr/lib/postgresql";
const EXTENSIONS: &str = "/usr/share/postgresql";
/// Whom the packages made for it; it refuses to run as root.
const ACCOUNT: &str = "postgres";
const ROLE: &str = "muster";
/// Nothing waits for a disk, and all fits into its memory. The rest is as installed, with its own vacuuming.
const SETTINGS: [&str; 10] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=1GB",
    "maintenance_work_mem=512MB",
    "jit=off",
];
const UPDATE: &str = "UPDATE people SET place = ST_MakePoint(east, north) \
    FROM unnest($1::int[], $2::float8[], $3::float8[]) AS moved (who, east, north) WHERE people.id = moved.who";

/// A server with one unlogged table.
pub struct PostGis {
    client: Client,
    update: Statement,
    /// By their text: they differ in radius and limit, which the planner wants to know.
    searches: HashMap<(u32, Option<usize>), Statement>,
    _server: Server,
}

impl PostGis {
    fn found(&mut self, [east, north]: Flat, radius_m: u32, limit: Option<usize>) -> Result<usize> {
        let search = match self.searches.get(&(radius_m, limit)) {
            Some(search) => search.clone(),
            None => {
                let order = limit.map(|limit| format!(" ORDER BY place <-> ST_MakePoint($1, $2) LIMIT {limit}"));
                let text = format!(
                    "SELECT id FROM people WHERE ST_DWithin(place, ST_MakePoint($1, $2), {radius_m}){}",
                    order.unwrap_or_default()
                );
                let search = self.client.prepare(&text)?;
                self.searches.insert((radius_m, limit), search.clone());
                search
            }
        };
        let found: Vec<i32> = self
            .client
            .query(&search, &[&east, &north])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        Ok(found.len())
    }
}

impl Peer for PostGis {
    const NAME: &'static str = "PostGIS GiST";
    const IS_SERVER: bool = true;
    type Place = Flat;

    fn missing() -> Option<String> {
        let server = newest_with_postgis().is_none();
        server
            .then(|| format!("no PostgreSQL with PostGIS below {PROGRAMS}"))
            .or_else(no_launcher)
    }

    fn start() -> Result<Self> {
        let programs = newest_with_postgis().context("finding PostgreSQL")?;
        let folder = folder()?;
        let data = folder.path().join("data");
        let account: &[&str] = if is_root()? {
            run("install", &["-d", "-m", "700", "-o", ACCOUNT, text(&data)?])?;
            &["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups"]
        } else {
            &[]
        };
        let (initdb, postgres) = (programs.join("initdb"), programs.join("postgres"));
        let init = [
            "-D",
            text(&data)?,
            "-U",
            ROLE,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ];
        run("setpriv", &[account, &[text(&initdb)?], &init].concat())?;
        let socket = format!("unix_socket_directories={}", text(&data)?);
        let mut command = [account, &[text(&postgres)?, "-D", text(&data)?, "-c", &socket]].concat();
        command.extend(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let mut server = Server::start(folder, &command, Signal::QUIT)?;
        let mut how = Client::configure();
        how.host_path(&data).user(ROLE).dbname("postgres");
        let mut client = server.wait(|| Ok(how.connect(NoTls)?))?;
        client.batch_execute(
            "CREATE EXTENSION postgis; \
             CREATE UNLOGGED TABLE people (id int PRIMARY KEY, place geometry(Point) NOT NULL)",
        )?;
        Ok(Self {
            update: client.prepare(UPDATE)?,
            searches: HashMap::new(),
            client,
            _server: server,
        })
    }

    fn place(flat: Flat) -> Flat {
        flat
    }

    /// The index comes after the rows, as the manual advises.
    fn fill(&mut self, homes: &[Flat]) -> Result<()> {
        let mut rows = self.client.copy_in("COPY people FROM STDIN")?;
        for (id, home) in homes.iter().enumerate() {
            writeln!(rows, "{id}\t{}", well_known_binary(*home))?;
        }
        rows.finish()?;
        self.client.batch_execute("CREATE INDEX ON people USING gist (place)")?;
        Ok(self.client.batch_execute("VACUUM ANALYZE people")?)
    }

    fn shift(&mut self, moves: &[Moved<Flat>]) -> Result<()> {
        // Of several moves of one person in a batch, the last.
        let last: HashMap<i32, Flat> = moves.iter().map(|&(id, _, to)| (id.cast_signed(), to)).collect();
        let who: Vec<i32> = last.keys().copied().collect();
        let east: Vec<f64> = last.values().map(|to| to[0]).collect();
        let north: Vec<f64> = last.values().map(|to| to[1]).collect();
        self.client.execute(&self.update, &[&who, &east, &north])?;
        Ok(())
    }

    fn nearest(&mut self, centre: Flat, radius_m: u32, count: usize) -> Result<usize> {
        self.found(centre, radius_m, Some(count))
    }

    fn within(&mut self, centre: Flat, radius_m: u32) -> Result<usize> {
        self.found(centre, radius_m, None)
    }

    fn bytes(&mut self) -> Result<Option<u64>> {
        let size = self.client.query_one("SELECT pg_total_relation_size('people')", &[])?;
        Ok(Some(size.get::<_, i64>(0).try_into()?))
    }
}

/// The programs of the newest version that has the extension.
fn newest_with_postgis() -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).ok()?;
    let versions = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions
        .filter(|version| {
            Path::new(EXTENSIONS)
                .join(format!("{version}/extension/postgis.control"))
                .exists()
        })
        .max()?;
    Some(Path::new(PROGRAMS).join(newest.to_string()).join("bin"))
}

/// A point as PostGIS reads it, in hexadecimal: little-endian, type 1, two doubles.
fn well_known_binary(point: Flat) -> String {
    let bytes = point.into_iter().flat_map(f64::to_le_bytes);
    bytes.fold("0101000000".to_owned(), |text, byte| format!("{text}{byte:02X}"))
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let said = Command::new(program).args(arguments).output();
    let said = said.with_context(|| format!("running {program} {arguments:?}"))?;
    ensure!(
        said.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    Ok(())
}
