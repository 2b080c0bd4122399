//! Pages of lists.

use super::{Fault, Faults, InvalidRequest};

/// People or incidents on a page unless asked otherwise: a screenful or two.
const SIZE_DEFAULT: u32 = 50;
/// Most on a page; the answer stays within some 200 kB.
const SIZE_MAX: u32 = 500;

/// Which part of a list is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Page {
    /// How many.
    pub size: usize,
    /// Where the page before ended; `None` = the first page.
    pub from: Option<u64>,
}

impl Page {
    /// The token of the page after this one, which ended at `last`.
    pub fn token(last: u64) -> String {
        format!("{last:x}")
    }
}

/// The page that `page_size` and `page_token` ask for.
pub(crate) fn page(page_size: u32, page_token: &str) -> Result<Page, InvalidRequest> {
    let mut faults = Faults::default();
    let size = faults.take("page_size", size(page_size));
    let from = faults.take("page_token", from(page_token));
    match (size, from) {
        (Some(size), Some(from)) => Ok(Page { size, from }),
        _ => Err(faults.refuse()),
    }
}

fn size(asked: u32) -> Result<usize, Fault> {
    let size = if asked == 0 { SIZE_DEFAULT } else { asked };
    if size > SIZE_MAX {
        return Err(Fault::new(
            "OUT_OF_RANGE",
            format!("a page has 1 to {SIZE_MAX}; 0 means {SIZE_DEFAULT}"),
        ));
    }
    usize::try_from(size).map_err(|_| Fault::new("OUT_OF_RANGE", "too large"))
}

fn from(token: &str) -> Result<Option<u64>, Fault> {
    if token.is_empty() {
        return Ok(None);
    }
    // Stores count in 63 bits.
    match u64::from_str_radix(token, 16) {
        Ok(from) if i64::try_from(from).is_ok() && Page::token(from) == token => Ok(Some(from)),
        _ => Err(Fault::new(
            "MALFORMED",
            "not a token of this list; send next_page_token as it came",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        let token = Page::token(4711);
        assert_eq!(
            page(0, &token),
            Ok(Page {
                size: 50,
                from: Some(4711)
            })
        );
        assert_eq!(page(500, ""), Ok(Page { size: 500, from: None }));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for token in [
            "-1",
            "+1",
            "x",
            " 1",
            "01",
            "8000000000000000",
            "10000000000000000",
            "\u{663}",
        ] {
            let refusal = page(501, token).expect_err("refused");
            let fields: Vec<_> = refusal.fields().iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, ["page_size", "page_token"], "{token}");
        }
    }
}
