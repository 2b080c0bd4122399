//! Redis GEO: a sorted set of geohashes. Answers on the sphere; one GEOADD of many members moves them.

use anyhow::{Context as _, Result};
use muster_benches::{Degrees, Flat, in_degrees};
use redis::{Cmd, Connection, cmd};
use rustix::process::Signal;

use super::{Server, folder, no_launcher, on_the_path, text};
use crate::peer::{Moved, Peer};

const KEY: &str = "people";
/// Members of one GEOADD while filling.
const FILLED_AT_ONCE: usize = 1_000;

/// A server with nothing on disk.
pub struct RedisGeo {
    connection: Connection,
    /// What it took with nobody in it.
    empty_bytes: u64,
    _server: Server,
}

impl RedisGeo {
    fn memory(connection: &mut Connection) -> Result<u64> {
        let info: String = cmd("INFO").arg("memory").query(connection)?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.context("used_memory")?.trim().parse()?)
    }

    fn add(&mut self, people: impl Iterator<Item = (u32, Degrees)>) -> Result<()> {
        let mut add = cmd("GEOADD");
        add.arg(KEY);
        for (id, [longitude, latitude]) in people {
            add.arg(longitude).arg(latitude).arg(id);
        }
        Ok(add.exec(&mut self.connection)?)
    }

    fn search([longitude, latitude]: Degrees, radius_m: u32) -> Cmd {
        let mut search = cmd("GEOSEARCH");
        search.arg(KEY).arg("FROMLONLAT").arg(longitude).arg(latitude);
        search.arg("BYRADIUS").arg(radius_m).arg("m");
        search
    }

    fn found(&mut self, search: &Cmd) -> Result<usize> {
        let found: Vec<u32> = search.query(&mut self.connection)?;
        Ok(found.len())
    }
}

impl Peer for RedisGeo {
    const NAME: &'static str = "Redis GEO";
    const IS_SERVER: bool = true;
    type Place = Degrees;

    fn missing() -> Option<String> {
        let server = on_the_path("redis-server").is_none();
        server
            .then(|| "redis-server is not installed".to_owned())
            .or_else(no_launcher)
    }

    fn start() -> Result<Self> {
        let folder = folder()?;
        let home = folder.path().to_owned();
        let socket = home.join("socket");
        let command = [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            text(&socket)?,
            "--unixsocketperm",
            "700",
            "--dir",
            text(&home)?,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let client = redis::Client::open(format!("unix://{}", text(&socket)?))?;
        let mut server = Server::start(folder, &command, Signal::TERM)?;
        let (connection, empty_bytes) = server.wait(|| {
            let mut connection = client.get_connection()?;
            let bytes = Self::memory(&mut connection)?;
            Ok((connection, bytes))
        })?;
        Ok(Self {
            connection,
            empty_bytes,
            _server: server,
        })
    }

    fn place(flat: Flat) -> Degrees {
        in_degrees(flat)
    }

    fn fill(&mut self, homes: &[Degrees]) -> Result<()> {
        let mut people = (0..).zip(homes.iter().copied()).peekable();
        while people.peek().is_some() {
            self.add(people.by_ref().take(FILLED_AT_ONCE))?;
        }
        Ok(())
    }

    fn shift(&mut self, moves: &[Moved<Degrees>]) -> Result<()> {
        self.add(moves.iter().map(|&(id, _, to)| (id, to)))
    }

    fn nearest(&mut self, centre: Degrees, radius_m: u32, count: usize) -> Result<usize> {
        let mut search = Self::search(centre, radius_m);
        search.arg("ASC").arg("COUNT").arg(count);
        self.found(&search)
    }

    fn within(&mut self, centre: Degrees, radius_m: u32) -> Result<usize> {
        self.found(&Self::search(centre, radius_m))
    }

    fn bytes(&mut self) -> Result<Option<u64>> {
        Ok(Some(
            Self::memory(&mut self.connection)?.saturating_sub(self.empty_bytes),
        ))
    }
}
