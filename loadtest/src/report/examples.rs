//! Hops made up for unit tests.
#![allow(clippy::cast_precision_loss)]

use crate::result::{Hop, Percentile};

/// `count` measurements of 1 ms, 2 ms and so on.
pub fn stairs(count: u64) -> Hop {
    let point = |step: u64| Percentile {
        share: step as f64 / count as f64,
        ms: step as f64,
    };
    Hop {
        key: "hop".into(),
        title: "hop".into(),
        count,
        mean_ms: 0.0,
        max_ms: count as f64,
        percentiles: (1..=count).map(point).collect(),
        over_time: vec![],
    }
}
