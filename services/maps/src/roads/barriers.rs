//! Whom a barrier on a street stops: `barrier=*` on a node.
//!
//! Where a bollard is forgotten, a car is thought to drive through a closed neighbourhood. What a barrier is decides first,
//! then the access tags on it.

use dispatch_core::{
    responder::TravelMode,
    roads::{Direction, Passage},
};

use super::rules::{Tags, access_keys, opens};

/// What may still pass, both ways.
pub(super) fn passage_of(tags: Tags<'_>) -> Passage {
    let Some(barrier) = tags.value("barrier") else {
        return Passage::ALL;
    };
    let mut passage = Passage::NONE;
    for mode in [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car] {
        if lets_through(mode, barrier, tags) {
            passage = passage.with(mode, Direction::Along).with(mode, Direction::Against);
        }
    }
    passage
}

fn lets_through(mode: TravelMode, barrier: &str, tags: Tags<'_>) -> bool {
    let keys = access_keys(mode);
    // The last key, `access`, closes a barrier but opens no bollard to cars.
    if let Some(own) = tags.first_of(&keys[..keys.len() - 1]) {
        return opens(mode, own);
    }
    if tags.is("locked", "yes") || stops(mode, barrier) {
        return false;
    }
    tags.value("access").is_none_or(|value| opens(mode, value))
}

/// Gates, lift gates and cattle grids are open until a tag says otherwise; kerbs and entrances stop nobody.
fn stops(mode: TravelMode, barrier: &str) -> bool {
    match mode {
        TravelMode::Unknown | TravelMode::Foot => false,
        TravelMode::Bicycle => matches!(barrier, "stile" | "turnstile" | "full-height_turnstile" | "horse_stile"),
        TravelMode::Car => matches!(
            barrier,
            "bollard"
                | "block"
                | "jersey_barrier"
                | "planter"
                | "chain"
                | "rope"
                | "log"
                | "debris"
                | "bus_trap"
                | "sump_buster"
                | "cycle_barrier"
                | "motorcycle_barrier"
                | "kissing_gate"
                | "wicket_gate"
                | "stile"
                | "horse_stile"
                | "turnstile"
                | "full-height_turnstile"
                | "step"
                | "guard_rail"
                | "wall"
                | "fence"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Foot, bicycle, car.
    fn lets(tags: &[(&str, &str)]) -> [bool; 3] {
        let passage = passage_of(Tags(tags));
        [TravelMode::Foot, TravelMode::Bicycle, TravelMode::Car].map(|mode| passage.serves(mode))
    }

    #[test]
    fn barriers_stop_those_they_are_made_for() {
        assert_eq!(lets(&[("highway", "crossing")]), [true, true, true]);
        assert_eq!(lets(&[("barrier", "bollard")]), [true, true, false]);
        assert_eq!(lets(&[("barrier", "bollard"), ("access", "yes")]), [true, true, false]);
        assert_eq!(
            lets(&[("barrier", "bollard"), ("motor_vehicle", "yes")]),
            [true, true, true]
        );
        assert_eq!(lets(&[("barrier", "gate")]), [true, true, true]);
        assert_eq!(
            lets(&[("barrier", "gate"), ("access", "private")]),
            [true, false, false]
        );
        assert_eq!(lets(&[("barrier", "gate"), ("locked", "yes")]), [false, false, false]);
        assert_eq!(
            lets(&[("barrier", "gate"), ("locked", "yes"), ("foot", "yes")]),
            [true, false, false]
        );
        assert_eq!(lets(&[("barrier", "stile")]), [true, false, false]);
    }
}
