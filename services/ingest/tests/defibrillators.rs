//! The register of defibrillators as a control room sees it.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use dispatch_core::record::Record;
use muster_proto::v1::{self as wire, ImportOutcome, Openness};
use support::{Stand, at, reason};
use tonic::Code;

/// `north_m` north of Charing Cross; open at all hours.
fn profile(external_ref: &str, north_m: f64) -> wire::DefibrillatorProfile {
    wire::DefibrillatorProfile {
        external_ref: external_ref.into(),
        location: Some(wire::Location {
            point: Some(wire::location::Point::Wgs84(wire::Wgs84 {
                latitude_deg: 51.5073 + north_m / 111_195.0,
                longitude_deg: -0.1276,
            })),
            accuracy_m: Some(10.0),
            address: Some(wire::Address {
                text: "Secret Street".into(),
                ..wire::Address::default()
            }),
        }),
        access: wire::DefibrillatorAccess::Public.into(),
        opening_hours: hours("24/7"),
        indoor: Some(true),
        level: "0".into(),
        out_of_service: false,
        confirmed_at: at(support::NOW - 86_400),
        name: "Secret Hall".into(),
        cabinet_code: "SECRET1".into(),
    }
}

fn hours(expression: &str) -> Option<wire::OpeningHours> {
    Some(wire::OpeningHours {
        expression: expression.into(),
        country: "GB".into(),
        time_zone: "Europe/London".into(),
    })
}

fn register(external_ref: &str, north_m: f64) -> wire::RegisterDefibrillatorRequest {
    wire::RegisterDefibrillatorRequest {
        profile: Some(profile(external_ref, north_m)),
    }
}

fn refs(listed: &[wire::Defibrillator]) -> String {
    let refs = listed
        .iter()
        .map(|aed| aed.profile.as_ref().unwrap().external_ref.as_str());
    refs.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn registering_twice_is_registering_once() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    let first = client
        .register_defibrillator(register("a", 0.0))
        .await
        .unwrap()
        .into_inner();
    assert!(!first.duplicate);
    let aed = first.defibrillator.unwrap();
    assert!(aed.defibrillator_id.starts_with("aed-"));
    let told = aed.profile.clone().unwrap();
    assert_eq!(
        told,
        profile("a", 0.0),
        "as it was said, the point to a ten-millionth of a degree"
    );
    assert_eq!((aed.opening_hours_understood, aed.openness()), (true, Openness::Open));
    let again = client
        .register_defibrillator(register("a", 0.0))
        .await
        .unwrap()
        .into_inner();
    assert!(again.duplicate);
    assert_eq!(again.defibrillator, Some(aed.clone()));
    let moved = client.register_defibrillator(register("a", 50.0)).await.unwrap_err();
    assert_eq!(reason(&moved), (Code::AlreadyExists, "ALREADY_REGISTERED".to_owned()));
    let empty = wire::RegisterDefibrillatorRequest::default();
    let empty = client.register_defibrillator(empty).await.unwrap_err();
    assert_eq!(reason(&empty), (Code::InvalidArgument, "REQUIRED".to_owned()));
    let mut elsewhere = register("paris", 0.0);
    elsewhere.profile.as_mut().unwrap().location = Some(wire::Location {
        point: Some(wire::location::Point::Wgs84(wire::Wgs84 {
            latitude_deg: -0.1276,
            longitude_deg: 51.5073,
        })),
        ..wire::Location::default()
    });
    let swapped = client.register_defibrillator(elsewhere).await.unwrap_err();
    assert_eq!(
        reason(&swapped),
        (Code::InvalidArgument, "LATITUDE_LONGITUDE_SWAPPED".to_owned())
    );
    stand.stop().await;
}

#[tokio::test]
async fn one_bad_row_does_not_stop_the_others() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    client.register_defibrillator(register("same", 0.0)).await.unwrap();
    client.register_defibrillator(register("changed", 0.0)).await.unwrap();
    let nowhere = wire::DefibrillatorProfile {
        location: None,
        ..profile("bad", 0.0)
    };
    let unclear = wire::DefibrillatorProfile {
        opening_hours: hours("when Jane is in"),
        ..profile("new", 0.0)
    };
    let broken = wire::DefibrillatorProfile {
        out_of_service: true,
        ..profile("changed", 0.0)
    };
    let profiles = vec![unclear, nowhere, profile("same", 0.0), profile("new", 9.0), broken];
    let import = wire::ImportDefibrillatorsRequest { profiles };
    let rows = client
        .import_defibrillators(import.clone())
        .await
        .unwrap()
        .into_inner()
        .rows;
    let outcomes: Vec<_> = rows.iter().map(|row| (row.row, row.outcome())).collect();
    let wanted = [
        (0, ImportOutcome::Created),
        (1, ImportOutcome::Refused),
        (2, ImportOutcome::Unchanged),
        (3, ImportOutcome::Refused),
        (4, ImportOutcome::Updated),
    ];
    assert_eq!(outcomes, wanted);
    assert!(rows[1].message.starts_with("location: required"), "{}", rows[1].message);
    assert!(
        rows[3].message.starts_with("external_ref: an earlier row"),
        "{}",
        rows[3].message
    );
    let unclear: Vec<_> = rows.iter().map(|row| row.opening_hours_not_understood).collect();
    assert_eq!(unclear, [true, false, false, false, false]);
    assert!(
        rows.iter()
            .all(|row| row.defibrillator_id.is_empty() == (row.outcome() == ImportOutcome::Refused))
    );
    let again = client.import_defibrillators(import).await.unwrap().into_inner().rows;
    let outcomes: Vec<_> = again.iter().map(wire::DefibrillatorImportRow::outcome).collect();
    let (same, refused) = (ImportOutcome::Unchanged, ImportOutcome::Refused);
    assert_eq!(outcomes, [same, refused, same, refused, same]);
    assert_eq!(again[0].defibrillator_id, rows[0].defibrillator_id);
    assert!(again[0].opening_hours_not_understood);
    // The words are kept, and whether it is open is not known.
    let get = wire::GetDefibrillatorRequest {
        defibrillator_id: rows[0].defibrillator_id.clone(),
    };
    let kept = client
        .get_defibrillator(get)
        .await
        .unwrap()
        .into_inner()
        .defibrillator
        .unwrap();
    assert_eq!(kept.profile.as_ref().unwrap().opening_hours, hours("when Jane is in"));
    assert_eq!(
        (kept.opening_hours_understood, kept.openness()),
        (false, Openness::Unspecified)
    );

    let none = wire::ImportDefibrillatorsRequest::default();
    let none = client.import_defibrillators(none).await.unwrap_err();
    assert_eq!(reason(&none), (Code::InvalidArgument, "OUT_OF_RANGE".to_owned()));
    stand.stop().await;
}

#[tokio::test]
async fn the_journal_hears_nothing_that_people_would_read() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    let mut unclear = register("a", 0.0);
    unclear.profile.as_mut().unwrap().opening_hours = hours("when Secret Jane is in");
    client.register_defibrillator(unclear).await.unwrap();
    let commits = stand.journal.commits();
    let entries: Vec<_> = commits.iter().flat_map(|commit| &commit.entries).collect();
    assert!(entries.iter().any(|entry| matches!(&entry.record, Record::AedPut(_))));
    for entry in entries {
        let told = format!("{:?}", entry.record).to_lowercase();
        assert!(!told.contains("secret"), "{told}");
    }
    stand.stop().await;
}

#[tokio::test]
async fn an_import_of_a_thousand_fits() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    let profiles: Vec<_> = (0..1000)
        .map(|n| profile(&format!("aed-{n:06}"), f64::from(n)))
        .collect();
    let rows = client
        .import_defibrillators(wire::ImportDefibrillatorsRequest { profiles })
        .await
        .unwrap()
        .into_inner()
        .rows;
    let created = rows.iter().filter(|row| row.outcome() == ImportOutcome::Created);
    assert_eq!(created.count(), 1000);
    stand.stop().await;
}

#[tokio::test]
async fn defibrillators_change_and_are_struck_off() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    let registered = client
        .register_defibrillator(register("a", 0.0))
        .await
        .unwrap()
        .into_inner();
    let id = registered.defibrillator.unwrap().defibrillator_id;
    let update = wire::UpdateDefibrillatorRequest {
        defibrillator_id: id.clone(),
        // NOW is a Sunday.
        opening_hours: hours("Mo-Fr 09:00-17:00"),
        out_of_service: Some(true),
        level: Some(String::new()),
        cabinet_code: Some("NEW1".into()),
        ..Default::default()
    };
    let updated = client.update_defibrillator(update.clone()).await.unwrap().into_inner();
    let updated = updated.defibrillator.unwrap();
    let wanted = wire::DefibrillatorProfile {
        opening_hours: hours("Mo-Fr 09:00-17:00"),
        out_of_service: true,
        level: String::new(),
        cabinet_code: "NEW1".into(),
        ..profile("a", 0.0)
    };
    assert_eq!(updated.profile, Some(wanted));
    assert_eq!(updated.openness(), Openness::Closed);
    let get = wire::GetDefibrillatorRequest {
        defibrillator_id: id.clone(),
    };
    let read = client
        .get_defibrillator(get.clone())
        .await
        .unwrap()
        .into_inner()
        .defibrillator;
    assert_eq!(read, Some(updated));

    // Another control room knows nothing of it.
    let mut leeds = stand.defibrillators("leeds").await;
    assert_eq!(
        leeds.get_defibrillator(get.clone()).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(
        leeds.update_defibrillator(update).await.unwrap_err().code(),
        Code::NotFound
    );
    let remove = wire::RemoveDefibrillatorRequest {
        defibrillator_id: id.clone(),
    };
    assert_eq!(
        leeds.remove_defibrillator(remove.clone()).await.unwrap_err().code(),
        Code::NotFound
    );

    client.remove_defibrillator(remove.clone()).await.unwrap();
    let gone = client.remove_defibrillator(remove).await.unwrap_err();
    assert_eq!(reason(&gone), (Code::NotFound, "NOT_FOUND".to_owned()));
    assert_eq!(client.get_defibrillator(get).await.unwrap_err().code(), Code::NotFound);
    let again = client
        .register_defibrillator(register("a", 0.0))
        .await
        .unwrap()
        .into_inner();
    assert!(!again.duplicate);
    assert_eq!(again.defibrillator.unwrap().defibrillator_id, id);
    let wrong = wire::GetDefibrillatorRequest {
        defibrillator_id: "4711".into(),
    };
    let wrong = client.get_defibrillator(wrong).await.unwrap_err();
    assert_eq!(reason(&wrong), (Code::InvalidArgument, "MALFORMED".to_owned()));
    stand.stop().await;
}

#[tokio::test]
async fn defibrillators_are_listed_page_by_page() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    for (number, external_ref) in ["c", "a", "e", "b", "d"].into_iter().enumerate() {
        let mut request = register(external_ref, 0.0);
        if number % 2 == 1 {
            request.profile.as_mut().unwrap().opening_hours = hours("Mo-Fr 09:00-17:00");
        }
        client.register_defibrillator(request).await.unwrap();
    }
    let mut leeds = stand.defibrillators("leeds").await;
    leeds.register_defibrillator(register("x", 0.0)).await.unwrap();
    for (open_now, page_size, wanted) in [(false, 2, "c a|e b|d"), (true, 2, "c e|d"), (true, 3, "c e d")] {
        let mut pages = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListDefibrillatorsRequest {
                page_size,
                page_token,
                open_now,
                ..Default::default()
            };
            let page = client.list_defibrillators(request).await.unwrap().into_inner();
            pages.push(refs(&page.defibrillators));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(pages.join("|"), wanted, "{open_now} {page_size}");
    }
    stand.stop().await;
}

#[tokio::test]
async fn the_nearest_come_first() {
    let stand = Stand::new().await;
    let mut client = stand.defibrillators("london").await;
    for (external_ref, north_m) in [("c", 300.0), ("a", 100.0), ("far", 1_500.0), ("b", -200.0)] {
        let mut request = register(external_ref, north_m);
        let profile = request.profile.as_mut().unwrap();
        profile.out_of_service = external_ref == "a";
        client.register_defibrillator(request).await.unwrap();
    }
    let near = |page_size, open_now| wire::ListDefibrillatorsRequest {
        page_size,
        open_now,
        near: Some(wire::NearPoint {
            point: Some(wire::Wgs84 {
                latitude_deg: 51.5073,
                longitude_deg: -0.1276,
            }),
            radius_m: 1_000.0,
        }),
        ..Default::default()
    };
    let all = client.list_defibrillators(near(0, false)).await.unwrap().into_inner();
    assert_eq!(refs(&all.defibrillators), "a b c");
    assert_eq!(all.next_page_token, "");
    let distances: Vec<_> = all.defibrillators.iter().map(|aed| aed.distance_m().round()).collect();
    assert_eq!(distances, [100.0, 200.0, 300.0]);
    let two = client.list_defibrillators(near(2, false)).await.unwrap().into_inner();
    assert_eq!(refs(&two.defibrillators), "a b");
    let usable = client.list_defibrillators(near(2, true)).await.unwrap().into_inner();
    assert_eq!(refs(&usable.defibrillators), "b c");
    stand.stop().await;
}
