//! TLS: rustls with the *ring* provider, and the certificates the platform trusts.
//!
//! Verification cannot be switched off; a private authority belongs in the platform's store (on
//! Linux `SSL_CERT_FILE` names another one). The provider is handed over, not installed for the
//! whole process, so building a client neither panics nor surprises other users of rustls.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// A TLS set-up. A connection `without` https never reads the platform's certificates, so that
/// plain http works on a machine that has none; should it meet TLS all the same, it trusts nobody.
pub(crate) fn config(https: bool) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = if https {
        builder.with_platform_verifier()?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
