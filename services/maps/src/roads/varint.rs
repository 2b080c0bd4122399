//! Whole numbers in as few bytes as they need, seven bits in each, and differences folded so that small negative ones are
//! short too.

use std::io::{self, Write};

pub(super) fn write(number: u64, to: &mut impl Write) -> io::Result<()> {
    let mut left = number;
    while left >= 1 << 7 {
        to.write_all(&[left.to_le_bytes()[0] | 1 << 7])?;
        left >>= 7;
    }
    to.write_all(&[left.to_le_bytes()[0]])
}

pub(super) fn write_signed(number: i64, to: &mut impl Write) -> io::Result<()> {
    write((number << 1 ^ number >> 63).cast_unsigned(), to)
}

/// Takes a number off the front; `None` when the bytes end or it has more than 64 bits.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

pub(super) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let folded = take(bytes)?;
    Some((folded >> 1).cast_signed() ^ -((folded & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<i64>(), shift in 0..63u32) {
            let number = number >> shift;
            let mut bytes = Vec::new();
            write_signed(number, &mut bytes).expect("memory");
            let mut left = bytes.as_slice();
            prop_assert_eq!(take_signed(&mut left), Some(number));
            prop_assert!(left.is_empty());
            prop_assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
        }
    }
}
