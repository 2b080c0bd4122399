use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    super::{Access, AedState, Locality},
    *,
};

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("valid")
}

fn aed(number: u8, tenant_name: &str, latitude: i32, longitude: i32) -> Aed {
    Aed {
        aed: AedId::from_bytes([number; 16]),
        tenant: tenant(tenant_name),
        position: Position::from_e7(latitude, longitude).expect("on the globe"),
        accuracy: Metres::default(),
        access: Access::Public,
        opening: None,
        indoor: None,
        level: None,
        state: AedState::Available,
        confirmed_at: None,
    }
}

/// The obvious twin: looks at all of them.
fn scanned(all: &BTreeMap<AedId, Aed>, search: AedSearch<'_>) -> Vec<(AedId, Metres)> {
    let mut found: Vec<_> = all
        .values()
        .filter(|aed| aed.tenant == *search.tenant)
        .map(|aed| (aed.aed, search.place.distance_to(aed.position)))
        .filter(|(_, distance)| *distance <= search.radius)
        .collect();
    found.sort_by_key(|&(id, distance)| (distance, id));
    found.truncate(search.limit);
    found
}

/// Places close together, at the poles, at the antimeridian, and anywhere.
fn place() -> impl Strategy<Value = (i32, i32)> {
    let anywhere = (-900_000_000..=900_000_000, -1_800_000_000..=1_799_999_999);
    let town = (515_000_000..515_200_000, -1_200_000..-1_000_000);
    let pole = (
        select(&[-900_000_000, -899_990_000, 899_990_000, 900_000_000][..]),
        anywhere.1.clone(),
    );
    let antimeridian = (
        -100_000..100_000,
        select(&[-1_800_000_000, -1_799_990_000, 1_799_990_000, 1_799_999_999][..]),
    );
    // A grid of a few places, so that several are equally far.
    let corner = (select(&[0, 1000, 2000][..]), select(&[0, 1000, 2000][..]));
    prop_oneof![1 => anywhere, 4 => town, 1 => pole, 1 => antimeridian, 2 => corner]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_search_finds_what_looking_at_all_of_them_finds(
        changes in vec((any::<u8>(), select(&["london", "leeds"][..]), place(), any::<bool>()), 0..120),
        searches in vec((place(), prop_oneof![0..3_000_000u64, 0..20_100_000_000u64], 0..20usize), 1..6),
    ) {
        let (mut aeds, mut twin) = (Aeds::default(), BTreeMap::new());
        for (number, name, (latitude, longitude), gone) in changes {
            let aed = aed(number % 64, name, latitude, longitude);
            if gone {
                prop_assert_eq!(aeds.remove(aed.aed), twin.remove(&aed.aed));
            } else {
                twin.insert(aed.aed, aed.clone());
                aeds.put(aed);
            }
        }
        prop_assert!(aeds.iter().eq(twin.values()));
        prop_assert_eq!(aeds.len(), twin.len());
        for ((latitude, longitude), radius_mm, limit) in searches {
            let place = Position::from_e7(latitude, longitude).expect("on the globe");
            for name in ["london", "leeds", "nobody"] {
                let tenant = tenant(name);
                let search = AedSearch { tenant: &tenant, place, radius: Metres::from_mm(radius_mm), limit };
                let found: Vec<_> = aeds.near(search).iter().map(|near| (near.aed.aed, near.distance)).collect();
                prop_assert_eq!(found, scanned(&twin, search));
            }
        }
    }
}

#[test]
fn what_is_not_wanted_does_not_take_the_place_of_what_is() {
    let mut aeds = Aeds::default();
    for number in 1..=9 {
        let mut aed = aed(number, "london", 515_000_000 + i32::from(number) * 1000, 0);
        if number < 8 {
            aed.state = AedState::OutOfService;
        }
        aeds.put(aed);
    }
    let search = AedSearch {
        tenant: &tenant("london"),
        place: Position::from_degrees(51.5, 0.0).expect("on the globe"),
        radius: Metres::new(1_000),
        limit: 1,
    };
    let found = aeds.near_where(search, |aed| aed.state == AedState::Available);
    assert_eq!(
        found.iter().map(|near| near.aed.aed.as_bytes()[0]).collect::<Vec<_>>(),
        [8]
    );
}

#[test]
fn equal_hours_are_held_once() {
    let mut aeds = Aeds::default();
    let uk = Locality::new("GB", "Europe/London").expect("known");
    for number in 1..=50 {
        let mut aed = aed(number, "london", 515_000_000, 0);
        aed.opening = OpeningHours::new("Mo-Fr 09:00-17:00; PH off", uk);
        aeds.put(aed);
    }
    assert_eq!(aeds.hours.len(), 1);
    let words = |number| {
        let aed = aeds.get(AedId::from_bytes([number; 16])).expect("known");
        aed.opening.as_ref().expect("has hours").expression().as_ptr()
    };
    assert_eq!(words(1), words(50));
}
