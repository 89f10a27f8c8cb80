//! TLS with real certificates: who shows a good one is let in, nobody else.

use std::fs;
use std::path::Path;
use std::process::Command;

use nodedev_tests::command::run;
use nodedev_tests::daemon::Daemon;
use nodedev_tests::lab::Lab;
use nodedev_tests::require::{programs, require, root};

use crate::clients::C;

/// Makes an authority, another one, and certificates: of the server, of a client, of a client whose
/// authority is the other one. Run as `sh -c MAKE make FOLDER`.
const MAKE: &str = r#"
set -e
cd "$1"
new() { openssl req -newkey rsa:2048 -nodes -keyout "$1-key.pem" -subj "/CN=$2" -out "$1.csr"; }
authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1-key.pem" -subj "/CN=$1" -days 2 -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
signed() {
  new "$1" "$2"
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n%s\n' "$4" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3-key.pem" -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem"
}
authority ca
authority otherca
signed server localhost ca 'subjectAltName=DNS:localhost
extendedKeyUsage=serverAuth'
signed client someone ca extendedKeyUsage=clientAuth
signed stranger someone otherca extendedKeyUsage=clientAuth
for who in client stranger; do
  mkdir "$who"
  cp ca.pem "$who/cacert.pem"; cp "$who.pem" "$who/clientcert.pem"; cp "$who-key.pem" "$who/clientkey.pem"
done
mkdir nobody
cp ca.pem nobody/cacert.pem
"#;

fn config(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!(
        "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n\
         listen_tls = 1\nauth_tls = \"none\"\nlisten_addr = \"127.0.0.1\"\ntls_port = \"16598\"\n\
         ca_file = \"{}\"\ncert_file = \"{}\"\nkey_file = \"{}\"\n",
        file("ca.pem"),
        file("server.pem"),
        file("server-key.pem"),
    )
}

#[test]
fn tls_lets_in_who_shows_a_good_certificate() {
    require!(root());
    require!(programs(&["unshare", "systemd-udevd", "openssl"]));
    require!(C.available());
    let lab = Lab::start();
    let folder = lab.folder().join("certificates");
    fs::create_dir(&folder).unwrap();
    run(Command::new("sh").args(["-c", MAKE, "make"]).arg(&folder)).ok();
    let _daemon = Daemon::with_config(&lab.folder().join("nodedev"), &config(&folder), |program| {
        lab.command(program)
    });

    let open = |who: &str, version: &str, verb: &str| {
        let priorities = format!("tls_priority=NORMAL:-VERS-ALL:+VERS-TLS{version}");
        let uri = format!(
            "nodedev+tls://localhost:16598/system?pkipath={}&{priorities}",
            folder.join(who).display()
        );
        let [program] = &C.words()[..] else { panic!("a built client is one word") };
        run(lab.command(program).args([&uri, verb]))
    };
    for version in ["1.2", "1.3"] {
        let listed = open("client", version, "list").ok();
        assert!(listed.contains("computer\n"), "TLS {version}: {listed}");
        let connection = open("client", version, "connection").ok();
        assert!(
            connection.contains("virConnectIsEncrypted() = 1\n"),
            "TLS {version}: {connection}"
        );
        for who in ["stranger", "nobody"] {
            let refused = open(who, version, "list");
            assert_eq!(refused.status, Some(1), "TLS {version}, {who}: {refused:?}");
            assert!(refused.stdout.starts_with("error "), "TLS {version}, {who}: {refused:?}");
        }
    }
}
