//! The stored baseline: a text file in the repository, one operation a line, with what it was made with.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::callgrind::Cost;

const HEADER: &str = "\
# Instructions of one operation, on average, as callgrind counts them: `benches/README.md`.
# Renewed by: cargo run --release -p muster-benches --bin instructions -- renew
";

/// What the file says.
#[derive(Debug, Default, PartialEq)]
pub struct Baseline {
    /// Compiler, flags, valgrind and C library: other ones count otherwise.
    pub made_with: String,
    pub costs: Vec<Cost>,
}

impl Baseline {
    pub fn parse(text: &str) -> Result<Self> {
        let mut baseline = Self::default();
        for (line, number) in text.lines().zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(made_with) = line.strip_prefix("made with ") {
                made_with.clone_into(&mut baseline.made_with);
                continue;
            }
            let (instructions, name) = line
                .trim_start()
                .split_once("  ")
                .with_context(|| format!("line {number}, '{line}': a number, two spaces and a name are expected"))?;
            baseline.costs.push(Cost {
                name: name.to_owned(),
                instructions: instructions
                    .parse()
                    .with_context(|| format!("line {number}: '{instructions}' is not a number"))?,
            });
        }
        Ok(baseline)
    }

    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}made with {}\n\n", self.made_with);
        for cost in &self.costs {
            writeln!(text, "{:>12.1}  {}", cost.instructions, cost.name).expect("strings take everything");
        }
        text
    }

    pub fn instructions(&self, name: &str) -> Option<f64> {
        self.costs
            .iter()
            .find(|cost| cost.name == name)
            .map(|cost| cost.instructions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let cost = |name: &str, instructions| Cost {
            name: name.to_owned(),
            instructions,
        };
        let baseline = Baseline {
            made_with: "rustc 1.95.0, valgrind-3.19.0".to_owned(),
            costs: vec![cost("core: accept", 40_123.5), cost("index: 20 nearest, dense", 7.0)],
        };
        assert_eq!(Baseline::parse(&baseline.text()).expect("it is read"), baseline);
        assert_eq!(baseline.instructions("core: accept"), Some(40_123.5));
    }

    #[test]
    fn a_line_that_means_nothing_is_named() {
        let error = Baseline::parse("made with rustc\n\nabout seven  core: accept\n").expect_err("not a number");
        assert!(error.to_string().contains("line 3: 'about seven'"), "{error}");
    }
}
