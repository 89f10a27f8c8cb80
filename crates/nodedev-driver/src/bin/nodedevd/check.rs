//! What only the system can tell of a configuration: groups, folders, certificates, addresses. What
//! it finds keeps the daemon from starting. Changes nothing.

use std::net::UdpSocket;
use std::path::Path;

use nix::unistd::{AccessFlags, Group, access};
use nodedev_server::tls::{TlsAcceptor, TlsError};

use crate::activation::{Passed, Purpose};
use crate::doors;
use crate::settings::{Loaded, LogPlace};

/// Adds to what is wrong with the configuration. With passed sockets the settings that are for
/// sockets of our own do not count.
pub(crate) fn check_system(loaded: &mut Loaded, passed: &[Passed]) {
    let own = passed.is_empty();
    let network = &loaded.settings.network;
    let has_tls = |p: &Passed| matches!(p, Passed::Tcp(Purpose::Tls, _));
    let tls = own && network.tls || passed.iter().any(has_tls);
    let network = own && (network.tls || network.tcp);
    let found = [
        log_files(loaded),
        own.then(|| group(loaded)).flatten(),
        network.then(|| address(loaded)).flatten(),
        tls.then(|| certificates(loaded)).flatten(),
    ];
    loaded.problems.extend(found.into_iter().flatten());
}

fn log_files(loaded: &Loaded) -> Option<String> {
    let outputs = loaded.settings.log.outputs.iter();
    let reason = outputs.filter_map(|output| match &output.place {
        LogPlace::File(path) => unwritable(path),
        _ => None,
    });
    let reasons: Vec<_> = reason.collect();
    let reason = reasons.join("; ");
    (!reasons.is_empty()).then(|| loaded.complaint("log_outputs", &reason))
}

/// Why the file cannot be written, or made.
fn unwritable(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|_| !path.exists());
    let (place, rights) = match folder {
        None if path.is_dir() => return Some(format!("{} is a folder", path.display())),
        None => (path, AccessFlags::W_OK),
        Some(folder) => (folder, AccessFlags::W_OK | AccessFlags::X_OK),
    };
    let refused = access(place, rights).err()?;
    let what = if folder.is_some() { "folder" } else { "file" };
    Some(format!("cannot write the {what} {}: {}", place.display(), refused.desc()))
}

fn group(loaded: &Loaded) -> Option<String> {
    let name = loaded.settings.sockets.group.as_deref()?;
    if name.parse::<u32>().is_ok() || !loaded.knows(&["unix_sock_group"]) {
        return None;
    }
    let reason = match Group::from_name(name) {
        Ok(Some(_)) => return None,
        Ok(None) => "there is no such group".to_owned(),
        Err(errno) => format!("cannot look up the group: {}", errno.desc()),
    };
    Some(loaded.complaint("unix_sock_group", &reason))
}

fn address(loaded: &Loaded) -> Option<String> {
    let address = loaded.settings.network.address.as_deref()?;
    // It says the same as a listening socket, and nobody can connect to it meanwhile.
    let error = UdpSocket::bind((address, 0)).err()?;
    Some(loaded.complaint("listen_addr", &format!("cannot listen there: {error}")))
}

fn certificates(loaded: &Loaded) -> Option<String> {
    let names = ["ca_file", "cert_file", "key_file", "crl_file", "tls_allowed_dn_list"];
    if !loaded.knows(&names) || !loaded.knows(&["listen_tls", "tls_no_verify_certificate"]) {
        return None;
    }
    let error = TlsAcceptor::load(&doors::tls_files(&loaded.settings.network)).err()?;
    Some(tls_complaint(loaded, &error))
}

/// Blames the setting that names the file, or the one that asks for TLS.
fn tls_complaint(loaded: &Loaded, error: &TlsError) -> String {
    let files = doors::tls_files(&loaded.settings.network);
    let path = match error {
        TlsError::Unreadable { path, .. }
        | TlsError::Missing { path, .. }
        | TlsError::Malformed { path, .. }
        | TlsError::Certificate { path, .. } => Some(path),
        TlsError::KeyMismatch { key, .. } => Some(key),
        _ => None,
    };
    let name = match path {
        None => "tls_allowed_dn_list",
        Some(path) if *path == files.ca => "ca_file",
        Some(path) if *path == files.cert => "cert_file",
        Some(path) if *path == files.key => "key_file",
        Some(_) => "crl_file",
    };
    let name = if loaded.says(name) { name } else { "listen_tls" };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    loaded.complaint(name, &format!("TLS: {error}{}", cause.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use clap::Parser as _;

    use super::*;
    use crate::args::Args;
    use crate::config_file::ConfigFile;
    use crate::places::Owner;

    /// What is wrong with this text, each without the folder's name.
    fn problems(text: &str) -> Vec<String> {
        told_of_file(text, 0o644).1
    }

    /// Warnings and problems.
    fn told_of_file(text: &str, mode: u32) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.conf");
        let here = folder.path().to_str().expect("a name").to_owned();
        fs::write(&path, text.replace("HERE", &here)).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its permissions");
        let file = path.to_str().expect("a name");
        let args = Args::try_parse_from(["nodedevd", "-f", file]).expect("good words");
        let mut loaded = ConfigFile::find(&args, &Owner::Root).load(&args).expect("a file");
        check_system(&mut loaded, &[]);
        let short =
            |told: &Vec<String>| told.iter().map(|line| line.replace(&here, "HERE")).collect();
        (short(&loaded.warnings), short(&loaded.problems))
    }

    fn problem(text: &str) -> String {
        problems(text).join("\n")
    }

    #[test]
    fn what_only_the_system_knows_is_told_with_file_line_and_value() {
        let text = "\nlog_outputs = \"1:stderr 1:file:HERE/none/log\"\n\
                    unix_sock_group = \"no-such-group\"\n";
        let found = problems(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("HERE/x.conf:2: log_outputs = "), "{found:?}");
        assert!(found[0].contains("cannot write the folder HERE/none: "), "{found:?}");
        let group = "HERE/x.conf:3: unix_sock_group = \"no-such-group\": there is no such group";
        assert_eq!(found[1], group);
    }

    #[test]
    fn that_another_could_change_a_configuration_that_was_named_is_a_warning() {
        let (warnings, problems) = told_of_file("max_clients = 7", 0o664);
        let expected = "HERE/x.conf can be written by others than its owner (mode 0664)";
        assert!(warnings.contains(&expected.to_owned()), "{warnings:?}");
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn what_is_there_is_not_complained_of() {
        let text = "log_outputs = \"1:file:HERE/log\"\nunix_sock_group = \"root\"\n\
                    listen_tcp = 1\nauth_tcp = \"none\"\nlisten_addr = \"localhost\"";
        assert_eq!(problems(text), [""; 0]);
        assert!(problem("log_outputs = \"1:file:HERE\"").contains("is a folder"));
        assert_eq!(problem("unix_sock_group = \"123456\""), "");
    }

    #[test]
    fn certificates_count_where_tls_clients_are_listened_for() {
        let named = "cert_file = \"HERE/c\"\nca_file = \"HERE/ca\"\nkey_file = \"HERE/k\"\n";
        assert_eq!(problem(named), "");
        let text = format!("{named}listen_tls = 1");
        let missing = problem(&text);
        assert!(missing.starts_with("HERE/x.conf:") && missing.contains("_file = "), "{missing}");
        assert!(missing.contains("TLS: cannot read HERE/c"), "{missing}");
        let names = "tls_allowed_dn_list = [\"a\"]\ntls_no_verify_certificate = 1\nlisten_tls = 1";
        assert!(problem(names).starts_with("HERE/x.conf:1: tls_allowed_dn_list = "));
    }

    #[test]
    fn an_address_of_another_host_is_told() {
        let elsewhere = "listen_addr = \"192.0.2.1\"\n";
        assert_eq!(problem(elsewhere), "");
        let text = format!("{elsewhere}listen_tcp = 1\nauth_tcp = \"none\"");
        let told = problem(&text);
        assert!(told.starts_with("HERE/x.conf:1: listen_addr = \"192.0.2.1\": cannot"), "{told}");
    }
}
