//! What the comparison asks of a peer, be it a structure of this process or a server.

use anyhow::Result;

use crate::structures::Structure;
use muster_benches::Flat;

/// Somebody's move: who, from where, to where.
pub type Moved<P> = (u32, P, P);

/// Something that knows where people are.
pub trait Peer: Sized {
    /// What it is called in the table.
    const NAME: &'static str;
    /// Whether it is a server, asked through a socket. It is slower, so it gets as much as it can do in some seconds.
    const IS_SERVER: bool;
    /// A place as it wants it.
    type Place: Copy;

    /// Why it cannot take part here, if it cannot.
    fn missing() -> Option<String>;
    /// With nobody in it.
    fn start() -> Result<Self>;
    fn place(flat: Flat) -> Self::Place;
    /// Takes everybody in, numbered from 0.
    fn fill(&mut self, homes: &[Self::Place]) -> Result<()>;
    fn shift(&mut self, moves: &[Moved<Self::Place>]) -> Result<()>;
    /// Up to `count` nearest within `radius_m`, in order; returns how many.
    fn nearest(&mut self, centre: Self::Place, radius_m: u32, count: usize) -> Result<usize>;
    /// Everybody within `radius_m`; returns how many.
    fn within(&mut self, centre: Self::Place, radius_m: u32) -> Result<usize>;
    /// What it takes by its own account; `None` where this process's allocator tells.
    fn bytes(&mut self) -> Result<Option<u64>>;
}

/// A structure of this process.
pub struct InProcess<S>(S);

impl<S: Structure> Peer for InProcess<S> {
    const NAME: &'static str = S::NAME;
    const IS_SERVER: bool = false;
    type Place = S::Place;

    fn missing() -> Option<String> {
        None
    }

    fn start() -> Result<Self> {
        Ok(Self(S::default()))
    }

    fn place(flat: Flat) -> S::Place {
        S::place(flat)
    }

    fn fill(&mut self, homes: &[S::Place]) -> Result<()> {
        for (id, &home) in (0..).zip(homes) {
            self.0.add(id, home);
        }
        Ok(())
    }

    fn shift(&mut self, moves: &[Moved<S::Place>]) -> Result<()> {
        for &(id, from, to) in moves {
            self.0.shift(id, from, to);
        }
        Ok(())
    }

    fn nearest(&mut self, centre: S::Place, radius_m: u32, count: usize) -> Result<usize> {
        Ok(self.0.nearest(centre, radius_m, count))
    }

    fn within(&mut self, centre: S::Place, radius_m: u32) -> Result<usize> {
        Ok(self.0.within(centre, radius_m))
    }

    fn bytes(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }
}
