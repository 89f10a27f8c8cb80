//! Authorities, certificates and the files they lie in.

use std::fs;
use std::path::{Path, PathBuf};

use nodedev_server::tls::TlsFiles;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, DnType,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// Years of which the test is not.
pub(crate) const PAST: (i32, i32) = (2001, 2002);
pub(crate) const FUTURE: (i32, i32) = (2900, 2901);
const NOW: (i32, i32) = (2001, 2900);

/// What a certificate is made from.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
    pub(crate) key: KeyPair,
}

pub(crate) fn wanted(name: &str) -> Wanted<'_> {
    Wanted { name, years: NOW, serial: 1, key: KeyPair::generate().unwrap() }
}

/// A certificate with its key.
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Identity {
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.der().clone()]
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.serialize_pem().as_bytes()).unwrap()
    }
}

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: Certificate,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        Self::of(wanted(name))
    }

    pub(crate) fn of(wanted: Wanted<'_>) -> Self {
        let mut params = params(&wanted);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&wanted.key).unwrap();
        Self { issuer: Issuer::new(params, wanted.key), certificate }
    }

    pub(crate) fn issue(&self, wanted: Wanted<'_>) -> Identity {
        let certificate = params(&wanted).signed_by(&wanted.key, &self.issuer).unwrap();
        Identity { certificate, key: wanted.key }
    }

    /// A list of revoked serial numbers, good until that year.
    pub(crate) fn revoke(&self, serials: &[u64], until: i32) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2001, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn params(wanted: &Wanted<'_>) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "GB");
    params.distinguished_name.push(DnType::OrganizationName, "Red Hat, Inc");
    params.distinguished_name.push(DnType::CommonName, wanted.name);
    params.not_before = date_time_ymd(wanted.years.0, 1, 1);
    params.not_after = date_time_ymd(wanted.years.1, 1, 1);
    params.serial_number = Some(SerialNumber::from(wanted.serial));
    params
}

/// An authority, and a server's files below a root of their own.
pub(crate) struct World {
    pub(crate) root: TempDir,
    pub(crate) authority: Authority,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Authority::new("authority"))
    }

    pub(crate) fn with(authority: Authority) -> Self {
        let world = Self { root: tempfile::tempdir().unwrap(), authority };
        world.write("etc/pki/CA/cacert.pem", &world.authority.certificate.pem());
        world.serve(&world.authority.issue(wanted("server")));
        world
    }

    /// Installs the server's certificate and key.
    pub(crate) fn serve(&self, server: &Identity) {
        self.write("etc/pki/libvirt/servercert.pem", &server.certificate.pem());
        self.write("etc/pki/libvirt/private/serverkey.pem", &server.key.serialize_pem());
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles::under(self.root.path())
    }
}

/// A key made for these tests, in one of the forms that programs write keys in.
pub(crate) fn key_file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls/keys");
    fs::read_to_string(folder.join(name)).unwrap()
}
