//! Sets of the eight lanes of a line, listed without a branch. How many of eight entries are near enough follows no
//! pattern, so a processor that has to guess it line by line guesses wrong at nearly each.

use super::lines::LANES;

/// How many sets there are.
pub(super) const SETS: usize = 1 << LANES;
/// The same number in each of eight bytes.
pub(super) const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// For each set the numbers of its lanes in order, a byte each from the lowest on.
pub(super) const LISTED: [u64; SETS] = {
    let mut listed = [0; SETS];
    let mut set = 0;
    while set < SETS {
        let (mut lane, mut count) = (0, 0);
        while lane < LANES {
            if set >> lane & 1 == 1 {
                listed[set] |= (lane as u64) << (8 * count);
                count += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    listed
};

/// How many lanes each set has.
pub(super) const COUNTED: [u8; SETS] = {
    let mut counted = [0; SETS];
    let mut set: usize = 0;
    while set < SETS {
        counted[set] = set.count_ones() as u8;
        set += 1;
    }
    counted
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_listed() {
        for set in 0..SETS {
            let lanes: Vec<u8> = (0..8).filter(|lane| set >> lane & 1 == 1).collect();
            assert_eq!(lanes.len(), usize::from(COUNTED[set]));
            assert_eq!(LISTED[set].to_le_bytes()[..lanes.len()], lanes);
        }
    }
}
