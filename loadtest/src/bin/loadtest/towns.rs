//! Where people live: London by its census, Great Britain by its larger towns, or one place.
//!
//! The towns are synthetic: places and sizes rounded by hand. They stand for the shape of a nation (dense spots far apart), not for
//! its census: a harness that needs exact figures brings them in a scenario of its own.

use anyhow::Context as _;
use muster_loadtest::people::{
    place::Place,
    population::{Area, Population},
};
use serde::Deserialize;

use crate::{
    grid,
    scenario::{Population as Section, Where},
};

const LONDON: &str = include_str!("../../../../deploy/demo/london-population.csv");

/// Name, latitude, longitude, thousands of people, radius in kilometres; all rounded.
const TOWNS: &[(&str, f64, f64, u32, f64)] = &[
    ("London", 51.51, -0.12, 8_900, 18.0),
    ("Birmingham", 52.48, -1.90, 1_140, 9.0),
    ("Leeds", 53.80, -1.55, 790, 9.0),
    ("Glasgow", 55.86, -4.25, 630, 8.0),
    ("Sheffield", 53.38, -1.47, 580, 8.0),
    ("Manchester", 53.48, -2.24, 550, 7.0),
    ("Bradford", 53.79, -1.75, 540, 7.0),
    ("Edinburgh", 55.95, -3.19, 520, 7.0),
    ("Liverpool", 53.41, -2.98, 490, 7.0),
    ("Bristol", 51.45, -2.59, 470, 7.0),
    ("Cardiff", 51.48, -3.18, 360, 6.0),
    ("Leicester", 52.64, -1.13, 370, 6.0),
    ("Coventry", 52.41, -1.51, 340, 6.0),
    ("Nottingham", 52.95, -1.15, 320, 6.0),
    ("Newcastle", 54.98, -1.61, 300, 6.0),
    ("Hull", 53.74, -0.33, 270, 5.0),
    ("Plymouth", 50.37, -4.14, 260, 5.0),
    ("Stoke-on-Trent", 53.00, -2.18, 260, 6.0),
    ("Wolverhampton", 52.59, -2.13, 260, 5.0),
    ("Derby", 52.92, -1.48, 260, 5.0),
    ("Southampton", 50.90, -1.40, 250, 5.0),
    ("Swansea", 51.62, -3.94, 240, 6.0),
    ("Portsmouth", 50.80, -1.09, 210, 4.0),
    ("Aberdeen", 57.15, -2.09, 200, 5.0),
    ("York", 53.96, -1.08, 200, 5.0),
    ("Norwich", 52.63, 1.30, 140, 4.0),
    ("Exeter", 50.72, -3.53, 130, 4.0),
    ("Dundee", 56.46, -2.97, 150, 4.0),
    ("Ipswich", 52.06, 1.16, 140, 4.0),
    ("Inverness", 57.48, -4.22, 50, 3.0),
];
/// The countryside: wide circles that cover most of the land; one person in five lives in one.
const COUNTRY: &[(f64, f64, u32, f64)] = &[
    (51.3, -1.3, 3_000, 60.0),
    (52.5, -1.0, 2_000, 60.0),
    (52.3, 0.7, 800, 45.0),
    (53.7, -1.9, 1_000, 40.0),
    (52.4, -3.6, 350, 40.0),
    (55.9, -3.9, 500, 40.0),
];

#[derive(Deserialize)]
struct Row {
    easting_m: f64,
    northing_m: f64,
    residents: u32,
    radius_m: f64,
}

/// Where a scenario's people live.
pub fn population(section: &Section) -> anyhow::Result<Population> {
    let areas = match section.place {
        Where::London => london()?,
        Where::GreatBritain => great_britain()?,
        Where::Place => vec![one_place(section)?],
    };
    Ok(Population::new(areas)?)
}

fn london() -> anyhow::Result<Vec<Area>> {
    let mut areas = Vec::new();
    for row in csv::Reader::from_reader(LONDON.as_bytes()).into_deserialize() {
        let row: Row = row?;
        areas.push(Area {
            centre: grid::place(row.easting_m, row.northing_m)?,
            residents: row.residents,
            radius_m: row.radius_m,
        });
    }
    Ok(areas)
}

fn great_britain() -> anyhow::Result<Vec<Area>> {
    let towns = TOWNS
        .iter()
        .map(|&(_, latitude, longitude, thousands, km)| (latitude, longitude, thousands, km));
    let area = |(latitude, longitude, thousands, km): (f64, f64, u32, f64)| {
        Ok(Area {
            centre: Place::new(latitude, longitude)?,
            residents: thousands * 1_000,
            radius_m: km * 1_000.0,
        })
    };
    towns.chain(COUNTRY.iter().copied()).map(area).collect()
}

fn one_place(section: &Section) -> anyhow::Result<Area> {
    let latitude = section.latitude_deg.context("where = \"place\" has a latitude_deg")?;
    let longitude = section.longitude_deg.context("where = \"place\" has a longitude_deg")?;
    Ok(Area {
        centre: Place::new(latitude, longitude)?,
        residents: 1,
        radius_m: section.radius_m.context("where = \"place\" has a radius_m")?,
    })
}
