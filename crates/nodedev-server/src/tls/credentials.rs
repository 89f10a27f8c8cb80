//! What lies in the files, with what can be said against it before any client comes.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use x509_parser::time::ASN1Time;

use super::dn;
use super::error::TlsError;
use super::files::TlsFiles;

/// What the server shows, and what it checks clients by.
pub(super) struct Credentials {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) clients: Option<Certificates>,
}

/// What clients' certificates are checked by.
pub(super) struct Certificates {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Credentials {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let chain = certificates(&files.cert)?;
        for certificate in &chain {
            check(&files.cert, certificate, Role::Server)?;
        }
        let key = private_key(&files.key)?;
        let clients = files.verify.then(|| Certificates::read(files)).transpose()?;
        Ok(Self { chain, key, clients })
    }
}

impl Certificates {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let authorities = certificates(&files.ca)?;
        for authority in &authorities {
            check(&files.ca, authority, Role::Authority)?;
        }
        let revoked = match &files.crl {
            Some(path) => items(path, "revocation list")?,
            None => Vec::new(),
        };
        Ok(Self { authorities, revoked })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    items(path, "certificate")
}

/// Everything of one kind in a file, at least one.
fn items<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let text = read(path)?;
    let items: Vec<T> = T::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::malformed(path, &error))?;
    if items.is_empty() {
        return Err(TlsError::Missing { path: path.to_owned(), what });
    }
    Ok(items)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            TlsError::Missing { path: path.to_owned(), what: "private key without password" }
        }
        other => TlsError::malformed(path, &other),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Server,
    Authority,
}

/// TLS itself does not look at the dates of either, nor whether an authority is one.
fn check(path: &Path, der: &CertificateDer<'_>, role: Role) -> Result<(), TlsError> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| TlsError::malformed(path, &error))?;
    let problem = problem(&certificate, role);
    problem.map_or(Ok(()), |problem| {
        let dn = dn::print(certificate.subject());
        Err(TlsError::Certificate { path: path.to_owned(), dn, problem })
    })
}

fn problem(certificate: &X509Certificate<'_>, role: Role) -> Option<String> {
    let (validity, now) = (certificate.validity(), ASN1Time::now());
    if validity.not_after < now {
        return Some(format!("expired on {}", validity.not_after));
    }
    if validity.not_before > now {
        return Some(format!("is not valid before {}", validity.not_before));
    }
    // Certificates of the first version cannot say what they are.
    let says = certificate.version() == X509Version::V3;
    let pretends = role == Role::Authority && says && !certificate.is_ca();
    pretends.then(|| "is not of an authority".to_owned())
}
