//! Draws a result's page anew: `cargo run -p muster-loadtest --example page -- PAGE.html [RESULT.json]`. Without a result it
//! draws the sample that the tests have.

#[path = "../tests/report/sample.rs"]
mod sample;

use std::{env, fs, path::Path};

use anyhow::{Context as _, bail};
use muster_loadtest::report::{page, read};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (html, run) = match &arguments[..] {
        [html] => (html, sample::run()),
        [html, json] => (html, read(Path::new(json))?),
        _ => bail!("usage: page PAGE.html [RESULT.json]"),
    };
    fs::write(html, page(&run)).with_context(|| format!("cannot write {html}"))
}
