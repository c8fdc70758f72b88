//! TLS to the server: rustls with the *ring* provider, as everywhere in tapline.
//!
//! `sslmode` is as in `psql`: `prefer`, which holds unless the address says otherwise, encrypts if the server
//! can, and `require` always; neither asks who the server is, `verify-full` does. Unlike in `psql` a handshake
//! that fails is the end also with `prefer`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure::{Failure, Result};

/// Whom the other end of an encrypted connection has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nobody in particular.
    #[default]
    Anyone,
    /// Whoever has a certificate for the host, from an authority that the platform knows.
    Platform,
    /// The same, from an authority in this file.
    File(PathBuf),
}

/// How the sessions with one server are encrypted. The authorities are read once, for the first of them.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) trust: Trust,
    made: Arc<OnceLock<MakeRustlsConnect>>,
}

impl Tls {
    pub(crate) fn new(trust: Trust) -> Self {
        Self {
            trust,
            made: Arc::default(),
        }
    }

    /// What encrypts a connection.
    ///
    /// # Errors
    /// The certificates of the authorities cannot be read.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect> {
        if let Some(made) = self.made.get() {
            return Ok(made.clone());
        }
        let made = self.trust.connector()?;
        Ok(self.made.get_or_init(|| made).clone())
    }
}

impl Trust {
    fn connector(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| not_set_up(&error))?;
        let builder = match self {
            Self::Anyone => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone(provider))),
            Self::Platform => builder
                .with_platform_verifier()
                .map_err(|error| not_set_up(&error))?,
            Self::File(path) => builder.with_root_certificates(authorities(path)?),
        };
        Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
    }
}

fn authorities(path: &Path) -> Result<RootCertStore> {
    let unread = |what: &dyn fmt::Display| {
        let path = path.display();
        Failure::Address(format!(
            "the certificates in {path} (`sslrootcert`) cannot be used: {what}"
        ))
    };
    let mut known = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unread(&error))?;
        known.add(certificate).map_err(|error| unread(&error))?;
    }
    match known.is_empty() {
        true => Err(unread(&"there is none")),
        false => Ok(known),
    }
}

fn not_set_up(error: &rustls::Error) -> Failure {
    Failure::Server(format!("TLS cannot be set up: {error}"))
}

/// Takes any certificate, from whoever has its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
