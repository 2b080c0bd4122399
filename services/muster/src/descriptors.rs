//! File descriptors: every phone costs some, and running out of them halfway is worse than saying so at the start.

use anyhow::{Context as _, bail};
use rlimit::Resource;

/// Descriptors for everything that is not a phone: listeners, the store, control rooms, terminals, libraries.
pub const RESERVE: u64 = 256;

/// Raises the soft limit as far as the hard limit goes, and returns it.
pub fn raise() -> anyhow::Result<u64> {
    let (soft, hard) = Resource::NOFILE
        .get()
        .context("reading the limit of file descriptors")?;
    if soft < hard {
        Resource::NOFILE
            .set(hard, hard)
            .context("raising the limit of file descriptors")?;
    }
    Ok(hard.max(soft))
}

/// Makes sure that `phones` phones fit at `per_phone` descriptors each; says the sum when they do not.
pub fn require(phones: u64, per_phone: u64) -> anyhow::Result<()> {
    let limit = raise()?;
    let needed = phones * per_phone + RESERVE;
    if needed > limit {
        let fit = limit.saturating_sub(RESERVE) / per_phone;
        bail!(
            "{phones} phones need {phones} x {per_phone} + {RESERVE} = {needed} file descriptors, but this process may \
             open {limit}: ask for at most {fit} responders, or raise the hard limit (ulimit -Hn)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_phones_are_refused_with_the_sum() {
        let refusal = require(1_000_000_000, 2)
            .expect_err("no machine has that many")
            .to_string();
        assert!(refusal.contains("1000000000 x 2 + 256 = 2000000256"), "{refusal}");
        require(1, 2).expect("one phone fits anywhere");
    }
}
