//! Who gets in, as whom, and what they see.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use muster_ingest::{BindError, Tls};
use muster_proto::v1::{
    self as wire, get_incident_request::Name, incident_service_client::IncidentServiceClient,
    responder_service_client::ResponderServiceClient,
};
use support::{Authority, Stand, config, key, profile, reason, report};
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

async fn list(channel: Channel) -> Result<wire::ListIncidentsResponse, Status> {
    let mut client = IncidentServiceClient::new(channel);
    let listed = client.list_incidents(wire::ListIncidentsRequest::default()).await?;
    Ok(listed.into_inner())
}

#[tokio::test]
async fn nobody_gets_in_without_a_certificate() {
    let stand = Stand::new().await;
    // Depending on timing, the refusal of the handshake shows in connecting or in the first call.
    if let Ok(channel) = stand.authority.connect_anonymously(stand.address).await {
        assert!(list(channel).await.is_err());
    }
    stand.stop().await;
}

#[tokio::test]
async fn nobody_gets_in_with_a_certificate_of_another_authority() {
    let stand = Stand::new().await;
    let stranger = Authority::new();
    let connected = stand
        .authority
        .connect(stand.address, &stranger, &["urn:muster:tenant:london"])
        .await;
    if let Ok(channel) = connected {
        assert!(list(channel).await.is_err());
    }
    stand.stop().await;
}

#[tokio::test]
async fn a_certificate_must_name_exactly_one_tenant() {
    let stand = Stand::new().await;
    for (uris, wanted) in [
        (vec![], "NO_TENANT_IN_CERTIFICATE"),
        (vec!["urn:other:thing"], "NO_TENANT_IN_CERTIFICATE"),
        (
            vec!["urn:muster:tenant:london", "urn:muster:tenant:leeds"],
            "SEVERAL_TENANTS_IN_CERTIFICATE",
        ),
        (
            vec!["urn:muster:tenant:london", "urn:muster:tenant:london"],
            "SEVERAL_TENANTS_IN_CERTIFICATE",
        ),
        (vec!["urn:muster:tenant:London"], "MALFORMED_TENANT_IN_CERTIFICATE"),
        (vec!["urn:muster:tenant:"], "MALFORMED_TENANT_IN_CERTIFICATE"),
    ] {
        let channel = stand
            .authority
            .connect(stand.address, &stand.authority, &uris)
            .await
            .unwrap();
        let refusal = list(channel).await.unwrap_err();
        assert_eq!(reason(&refusal), (Code::Unauthenticated, wanted.to_owned()), "{uris:?}");
    }
    let uris = ["https://example.org/cad", "urn:muster:tenant:london"];
    let channel = stand
        .authority
        .connect(stand.address, &stand.authority, &uris)
        .await
        .unwrap();
    assert!(list(channel).await.is_ok(), "other names beside it do not matter");
    stand.stop().await;
}

#[tokio::test]
async fn tenants_see_nothing_of_each_other() {
    let stand = Stand::new().await;
    let (mut london, mut leeds) = (stand.incidents("london").await, stand.incidents("leeds").await);
    let reported = london.report_incident(report("r1", "1")).await.unwrap().into_inner();
    assert_eq!(reported.key.as_ref().unwrap().tenant, "london");
    assert_eq!(list(stand.channel("leeds").await).await.unwrap().incidents.len(), 0);
    assert_eq!(list(stand.channel("london").await).await.unwrap().incidents.len(), 1);

    // Another tenant's incident, by either name, is refused exactly as one that nobody knows.
    let mut londons_key = key("1").unwrap();
    londons_key.tenant = "london".into();
    let unknown = format!("inc-{}", "00".repeat(16));
    let mut refusals = Vec::new();
    for name in [
        Name::IncidentId(reported.incident_id.clone()),
        Name::Key(londons_key),
        Name::Key(key("1").unwrap()),
        Name::IncidentId(unknown),
    ] {
        let refusal = leeds
            .get_incident(wire::GetIncidentRequest { name: Some(name) })
            .await
            .unwrap_err();
        assert_eq!(reason(&refusal), (Code::NotFound, "NOT_FOUND".to_owned()));
        refusals.push((refusal.message().to_owned(), refusal.details().to_vec()));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1);

    // The same key is another incident under another tenant.
    let theirs = leeds.report_incident(report("r1", "1")).await.unwrap().into_inner();
    assert_ne!(theirs.incident_id, reported.incident_id);
    assert!(!theirs.duplicate);
    stand.stop().await;
}

#[tokio::test]
async fn tenants_cannot_touch_each_others_people() {
    let stand = Stand::new().await;
    let (mut london, mut leeds) = (stand.responders("london").await, stand.responders("leeds").await);
    let request = wire::RegisterResponderRequest {
        profile: Some(profile("4711")),
    };
    let person = london
        .register_responder(request.clone())
        .await
        .unwrap()
        .into_inner()
        .responder
        .unwrap();
    let id = person.responder_id;
    let issue = wire::IssueCredentialRequest {
        responder_id: id.clone(),
        purpose: Some(wire::issue_credential_request::Purpose::Live(wire::Live {})),
        ..Default::default()
    };
    let device = london
        .issue_credential(issue.clone())
        .await
        .unwrap()
        .into_inner()
        .device_id;

    let get = wire::GetResponderRequest {
        responder_id: id.clone(),
    };
    let update = wire::UpdateResponderRequest {
        responder_id: id.clone(),
        on_duty: Some(false),
        ..Default::default()
    };
    let suspend = wire::SuspendResponderRequest { responder_id: id };
    let revoke = wire::RevokeCredentialRequest { device_id: device };
    for refusal in [
        leeds.get_responder(get).await.unwrap_err(),
        leeds.update_responder(update).await.unwrap_err(),
        leeds.suspend_responder(suspend).await.unwrap_err(),
        leeds.issue_credential(issue).await.unwrap_err(),
        leeds.revoke_credential(revoke).await.unwrap_err(),
    ] {
        assert_eq!(reason(&refusal), (Code::NotFound, "NOT_FOUND".to_owned()));
    }
    let own = leeds.register_responder(request).await.unwrap().into_inner();
    assert!(!own.duplicate, "a reference belongs to one tenant");
    stand.stop().await;
}

#[tokio::test]
async fn without_tls_everybody_is_dev_and_only_on_loopback() {
    let stand = Stand::insecure().await;
    let channel = Channel::from_shared(format!("http://{}", stand.address))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = IncidentServiceClient::new(channel);
    let reported = client.report_incident(report("r1", "1")).await.unwrap().into_inner();
    assert_eq!(reported.key.unwrap().tenant, "dev");

    let mut open = config(Tls::InsecureLoopback);
    open.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(stand.bind(open).await, Err(BindError::NotLoopback(_))));
    let mut region = config(Tls::InsecureLoopback);
    region.region = "london/#".into();
    assert!(matches!(stand.bind(region).await, Err(BindError::Region(_))));
    let no_key = Tls::Mutual {
        server_cert_pem: stand.authority.pem(),
        server_key_pem: String::new(),
        client_ca_pem: stand.authority.pem(),
    };
    assert!(matches!(stand.bind(config(no_key)).await, Err(BindError::Tls(_))));
    stand.stop().await;
}

#[tokio::test]
async fn health_and_reflection_answer_any_certificate_of_ours() {
    let stand = Stand::new().await;
    let channel = stand
        .authority
        .connect(stand.address, &stand.authority, &[])
        .await
        .unwrap();
    let health = HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(health.into_inner().status, 1);

    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    for wanted in [
        "muster.v1.IncidentService",
        "muster.v1.ResponderService",
        "grpc.health.v1.Health",
    ] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    drop(answers);
    stand.stop().await;
}

#[tokio::test]
async fn the_register_is_as_closed_as_the_incidents() {
    let stand = Stand::new().await;
    let channel = stand
        .authority
        .connect(stand.address, &stand.authority, &[])
        .await
        .unwrap();
    let list = wire::ListRespondersRequest::default();
    let refusal = ResponderServiceClient::new(channel)
        .list_responders(list)
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::Unauthenticated);
    stand.stop().await;
}
