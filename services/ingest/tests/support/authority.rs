//! A certificate authority for one test.

use std::{net::SocketAddr, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    /// Certificate and key of a server on this machine.
    pub fn server(&self) -> (String, String) {
        self.sign(vec![SanType::DnsName("localhost".try_into().unwrap())])
    }

    /// Certificate and key of a caller with these URIs as alternative names.
    pub fn client(&self, uris: &[&str]) -> (String, String) {
        let names = uris.iter().map(|&uri| SanType::URI(uri.try_into().unwrap()));
        self.sign(names.collect())
    }

    fn sign(&self, names: Vec<SanType>) -> (String, String) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Connects to a server of this authority with a certificate made by `signer`.
    pub async fn connect(&self, address: SocketAddr, signer: &Self, uris: &[&str]) -> Result<Channel, Error> {
        let (certificate, key) = signer.client(uris);
        let tls = self.trusting().identity(Identity::from_pem(certificate, key));
        endpoint(address).tls_config(tls)?.connect().await
    }

    /// Connects without any certificate.
    pub async fn connect_anonymously(&self, address: SocketAddr) -> Result<Channel, Error> {
        endpoint(address).tls_config(self.trusting())?.connect().await
    }

    fn trusting(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.pem))
            .domain_name("localhost")
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("https://{address}"))
        .unwrap()
        .connect_timeout(Duration::from_secs(10))
}
