//! Who calls: the tenant named in the client certificate. The TLS layer has already checked that our authority signed it.

use dispatch_core::ids::TenantId;
use tonic::{Request, Status, service::Interceptor};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use crate::refusal::Refusal;

/// What a URI among the certificate's alternative names begins with when it names the tenant.
const TENANT_URI: &str = "urn:muster:tenant:";

/// Who calls on an insecure loopback connection.
const LOOPBACK_TENANT: &str = "dev";

/// A certificate from which no single tenant can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum NoTenant {
    #[error("the connection shows no client certificate")]
    NoCertificate,
    #[error("the client certificate cannot be read")]
    Unreadable,
    #[error("the client certificate has no alternative name urn:muster:tenant:<tenant>")]
    NoUri,
    #[error("the client certificate names more than one tenant; exactly one urn:muster:tenant:<tenant> is accepted")]
    SeveralUris,
    #[error("the tenant in the client certificate is not 1 to 32 characters of a-z 0-9 -")]
    Malformed,
}

impl NoTenant {
    /// For programs and counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoCertificate => "NO_CLIENT_CERTIFICATE",
            Self::Unreadable => "CERTIFICATE_UNREADABLE",
            Self::NoUri => "NO_TENANT_IN_CERTIFICATE",
            Self::SeveralUris => "SEVERAL_TENANTS_IN_CERTIFICATE",
            Self::Malformed => "MALFORMED_TENANT_IN_CERTIFICATE",
        }
    }
}

/// Puts the tenant into each request's extensions, or refuses the request.
#[derive(Clone, Copy)]
pub(crate) enum Doorkeeper {
    /// By certificate.
    Certificate,
    /// Everybody is the tenant `dev`.
    InsecureLoopback,
}

impl Interceptor for Doorkeeper {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let tenant = match self {
            Self::Certificate => certified(&request).map_err(Refusal::from)?,
            Self::InsecureLoopback => TenantId::new(LOOPBACK_TENANT).expect("a valid name"),
        };
        request.extensions_mut().insert(tenant);
        Ok(request)
    }
}

/// The tenant that the doorkeeper has put into a request.
pub(crate) fn tenant_of<T>(request: &Request<T>) -> Result<TenantId, Refusal> {
    let tenant = request.extensions().get::<TenantId>();
    tenant.cloned().ok_or(Refusal::NoTenant(NoTenant::NoCertificate))
}

fn certified(request: &Request<()>) -> Result<TenantId, NoTenant> {
    let chain = request.peer_certs().ok_or(NoTenant::NoCertificate)?;
    // The caller's own certificate comes first.
    let own = chain.first().ok_or(NoTenant::NoCertificate)?;
    tenant_in(own)
}

fn tenant_in(der: &[u8]) -> Result<TenantId, NoTenant> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NoTenant::Unreadable)?;
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| NoTenant::Unreadable)?;
    let names = names
        .map(|extension| extension.value.general_names.as_slice())
        .unwrap_or_default();
    let mut tenants = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix(TENANT_URI),
        _ => None,
    });
    let tenant = tenants.next().ok_or(NoTenant::NoUri)?;
    if tenants.next().is_some() {
        return Err(NoTenant::SeveralUris);
    }
    TenantId::new(tenant).map_err(|_| NoTenant::Malformed)
}
