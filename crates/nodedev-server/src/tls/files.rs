//! Where the certificates are, and what is asked of clients.

use std::path::{Path, PathBuf};

/// Certificates, all in PEM, and what clients must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities that clients' certificates come from (`ca_file`).
    pub ca: PathBuf,
    /// The server's certificate, with those between it and its authority (`cert_file`).
    pub cert: PathBuf,
    /// The server's key (`key_file`): ED25519, ECDSA or RSA, as PKCS#8, SEC1 or PKCS#1, without a
    /// password.
    pub key: PathBuf,
    /// Certificates that the authorities took back (`crl_file`). A list out of date lets nobody in
    /// whose authority issued it.
    pub crl: Option<PathBuf>,
    /// Names of clients that may come in (`tls_allowed_dn_list`); `None` for all with a good
    /// certificate, an empty list for nobody.
    ///
    /// A name is written as GnuTLS prints it, in the order in which the certificate has it, such as
    /// `C=GB,ST=London,L=London,O=Red Hat,CN=name`. `*` stands for anything, also for nothing and
    /// across commas, `?` for one character.
    pub allowed_dn: Option<Vec<String>>,
    /// Whether clients must show a certificate of one of the authorities
    /// (not `tls_no_verify_certificate`). Without, everybody comes in.
    pub verify: bool,
}

impl TlsFiles {
    /// libvirt's places below `root`, `/` but in tests. The revocation list is used if it is there.
    #[must_use]
    pub fn under(root: &Path) -> Self {
        let crl = root.join("etc/pki/CA/cacrl.pem");
        Self {
            ca: root.join("etc/pki/CA/cacert.pem"),
            cert: root.join("etc/pki/libvirt/servercert.pem"),
            key: root.join("etc/pki/libvirt/private/serverkey.pem"),
            crl: crl.exists().then_some(crl),
            allowed_dn: None,
            verify: true,
        }
    }
}
