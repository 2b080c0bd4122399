//! Refusals are counted with their method and reason. One test, because the counters are the process's.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use muster_ingest::REQUEST_MAX_BYTES;
use muster_proto::v1::{self as wire, incident_service_client::IncidentServiceClient};
use support::{Stand, profile, report};
use tonic::{Code, Request, Response, Status, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

/// Sends a message whose first field is a number, which no report's is.
async fn call(channel: Channel, path: &'static str) -> Result<Response<wire::ReportIncidentResponse>, Status> {
    let codec = ProstCodec::<wire::WatchIncidentsRequest, wire::ReportIncidentResponse>::default();
    let message = wire::WatchIncidentsRequest {
        after_sequence: Some(1),
        ..Default::default()
    };
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    client
        .unary(Request::new(message), PathAndQuery::from_static(path), codec)
        .await
}

#[tokio::test]
async fn every_refusal_is_counted() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .unwrap();
    let stand = Stand::new().await;
    let mut incidents = stand.incidents("london").await;
    incidents
        .report_incident(wire::ReportIncidentRequest {
            revision: 0,
            ..report("r1", "1")
        })
        .await
        .unwrap_err();
    incidents
        .get_incident(wire::GetIncidentRequest { name: None })
        .await
        .unwrap_err();

    let mut large = report("r2", "2");
    large.kind = "x".repeat(REQUEST_MAX_BYTES);
    let refusal = incidents.report_incident(large).await.unwrap_err();
    assert_eq!(refusal.code(), Code::OutOfRange, "over the limit");

    let channel = stand
        .authority
        .connect(stand.address, &stand.authority, &[])
        .await
        .unwrap();
    let list = wire::ListIncidentsRequest::default();
    IncidentServiceClient::new(channel)
        .list_incidents(list)
        .await
        .unwrap_err();

    // What is no report at all, and a method that does not exist.
    let channel = stand.channel("london").await;
    for path in [
        "/muster.v1.IncidentService/ReportIncident",
        "/muster.v1.IncidentService/Guess",
    ] {
        call(channel.clone(), path).await.unwrap_err();
    }

    // Nothing else is delayed or lost meanwhile.
    incidents.report_incident(report("r3", "3")).await.unwrap();
    let request = wire::RegisterResponderRequest {
        profile: Some(profile("4711")),
    };
    stand
        .responders("london")
        .await
        .register_responder(request)
        .await
        .unwrap();

    let text = metrics.render();
    for (method, reason) in [
        ("ReportIncident", "OUT_OF_RANGE"),
        ("GetIncident", "REQUIRED"),
        ("ReportIncident", "MESSAGE_TOO_LARGE"),
        ("ListIncidents", "NO_TENANT_IN_CERTIFICATE"),
        ("ReportIncident", "MALFORMED_MESSAGE"),
        ("unknown", "UNKNOWN_METHOD"),
    ] {
        let line = format!(r#"muster_grpc_refused_total{{method="{method}",reason="{reason}"}} 1"#);
        assert!(text.contains(&line), "{line} not in {text}");
    }
    assert_eq!(text.matches("muster_grpc_refused_total{").count(), 6, "{text}");
    stand.stop().await;
}
