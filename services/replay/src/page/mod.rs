//! placeholder
use crate::findings::Findings;
/// x
pub fn page(_f: &Findings) -> String {
    String::new()
}
