//! Development certificates, made on the spot so that the first start is safe: a CA of this data directory alone, the
//! service's certificate for this machine, and one for a control room named `dev`. Not for production.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::endpoints::write_private;

/// The tenant of the development control room, and of every caller with `--insecure-loopback`.
pub const DEV_TENANT: &str = "dev";

/// Where the development certificates of a data directory are.
pub struct DevCertificates {
    directory: PathBuf,
}

impl DevCertificates {
    /// Finds the certificates, or makes them if there are none.
    pub fn find_or_make(data_dir: &Path) -> anyhow::Result<Self> {
        let found = Self {
            directory: data_dir.join("dev-certificates"),
        };
        // Written last, so that a crash in between means making them all again.
        if !found.control_room_key().exists() {
            found.make().context("making development certificates")?;
        }
        Ok(found)
    }

    /// Who signed the others.
    pub fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The service's certificate.
    pub fn server(&self) -> PathBuf {
        self.directory.join("server.pem")
    }

    /// The service's key.
    pub fn server_key(&self) -> PathBuf {
        self.directory.join("server-key.pem")
    }

    /// The control room's certificate.
    pub fn control_room(&self) -> PathBuf {
        self.directory.join("control-room.pem")
    }

    /// The control room's key.
    pub fn control_room_key(&self) -> PathBuf {
        self.directory.join("control-room-key.pem")
    }

    fn make(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let ca_key = KeyPair::generate()?;
        let mut ca = parameters("Muster development CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::from_params(&ca, &ca_key);

        let mut server = parameters("Muster development service");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        let mut control_room = parameters("Muster development control room");
        control_room.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        control_room.subject_alt_names = vec![SanType::URI(format!("urn:muster:tenant:{DEV_TENANT}").try_into()?)];

        write_private(&self.ca(), ca_certificate.pem().as_bytes())?;
        for (leaf, certificate, key_file) in [
            (server, self.server(), self.server_key()),
            (control_room, self.control_room(), self.control_room_key()),
        ] {
            let key = KeyPair::generate()?;
            write_private(&certificate, leaf.signed_by(&key, &issuer)?.pem().as_bytes())?;
            write_private(&key_file, key.serialize_pem().as_bytes())?;
        }
        // The CA's key is not kept: nobody can sign further certificates with it.
        Ok(())
    }
}

fn parameters(common_name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.use_authority_key_identifier_extension = true;
    parameters
}
