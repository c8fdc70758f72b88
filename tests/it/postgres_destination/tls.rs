//! A server that lets nobody in without TLS, and the ways to say whom it has to be.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tapline_core::{Destination, Secret, TableRef};
use tapline_dest_postgres::PostgresDestination;

use crate::clock::clock;
use crate::postgres::{Postgres, runtime};

/// An authority, and what it issues.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let shown = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), shown)
    }

    /// A certificate for `host`, and its key.
    fn issue(&self, host: &str) -> (String, String) {
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// Whether a session with `options` gets in; why not, if it does not.
fn look(server: &Postgres, options: &str) -> Result<(), String> {
    let address = server.address("encrypted");
    let address = Secret::new(format!("{}{options}", address.expose()));
    let looked = runtime().block_on(async {
        let destination = PostgresDestination::open(&address, clock())?;
        destination.find(&TableRef::public("t"), "p").await
    });
    looked.map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_session_is_encrypted_and_the_server_is_who_it_has_to_be() {
    let mut server = Postgres::start();
    server.select("CREATE DATABASE encrypted");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        format!("?sslmode=verify-full&sslrootcert={}", path.display())
    };
    let (ours, others) = (Authority::new(), Authority::new());
    let (known, strange) = (file("ours.pem", &ours.1), file("others.pem", &others.1));
    let (certificate, key) = ours.issue("127.0.0.1");
    server.encrypt("encrypted", &certificate, &key);

    assert_eq!(look(&server, ""), Ok(()), "encrypted where it can be");
    assert_eq!(look(&server, "?sslmode=require"), Ok(()));
    assert_eq!(look(&server, &known), Ok(()));
    for (options, reason) in [
        ("?sslmode=disable", "pg_hba.conf"),
        (strange.as_str(), "invalid peer certificate"),
        ("?sslmode=verify-full", "invalid peer certificate"),
        (file("none.pem", "").as_str(), "there is none"),
        (
            "?sslmode=verify-full&sslrootcert=/nowhere.pem",
            "cannot be used",
        ),
    ] {
        let refused = look(&server, options).unwrap_err();
        assert!(refused.contains(reason), "{options}: {refused}");
    }

    // A certificate of the right authority, of another host.
    let (certificate, key) = ours.issue("db.example");
    server.encrypt("encrypted", &certificate, &key);
    assert_eq!(look(&server, "?sslmode=require"), Ok(()));
    let refused = look(&server, &known).unwrap_err();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
}
