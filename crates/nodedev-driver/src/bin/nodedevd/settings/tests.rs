use std::time::Duration;

use super::*;

fn load(text: &str) -> Result<Loaded, Refused> {
    Loaded::from_text(Path::new("x.conf"), text).sound()
}

fn settings(text: &str) -> Settings {
    load(text).unwrap().settings
}

fn problem(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

#[test]
fn an_existing_file_of_libvirts_daemon_is_understood() {
    let text = "
        unix_sock_group = \"libvirt\"
        unix_sock_ro_perms = \"0777\"
        unix_sock_rw_perms = \"0770\"
        unix_sock_admin_perms = \"0700\"
        unix_sock_dir = \"/run/libvirt\"
        auth_unix_ro = \"none\"
        auth_unix_rw = \"polkit\"
        access_drivers = [ ]
        max_clients = 100
        max_queued_clients = 1000
        max_anonymous_clients = 7
        min_workers = 5
        max_client_requests = 3
        keepalive_interval = -1
        keepalive_count = 2
        log_level = 3
        log_filters=\"1:nodedev 4:rpc\"
        log_outputs=\"3:syslog:virtnodedevd\"
        host_uuid = \"00000000-0000-0000-0000-00000000000A\"
        tls_port = \"16515\"
        tcp_port = 16510
        tls_allowed_dn_list = [\"CN=a*\", \"CN=b\"]
    ";
    let loaded = load(text).unwrap();
    let Settings { driver, server, sockets, network, log, .. } = &loaded.settings;
    assert_eq!(sockets.group.as_deref(), Some("libvirt"));
    assert_eq!((sockets.rw_perms, sockets.ro_perms), (Some(0o770), Some(0o777)));
    assert_eq!(sockets.auth_ro, Some(AuthScheme::None));
    assert_eq!(sockets.auth_rw, Some(AuthScheme::Polkit));
    assert_eq!(server.limits.clients, 100);
    assert_eq!(server.limits.anonymous_clients, 7);
    assert_eq!(server.limits.client_requests, 3);
    assert_eq!((server.keepalive_interval, server.keepalive_count), (None, 2));
    assert_eq!(log.level, Some(3));
    let parts: Vec<_> = log.filters.iter().map(|filter| (filter.level, &*filter.part)).collect();
    assert_eq!(parts, [(1, "nodedev"), (4, "rpc")]);
    assert_eq!(driver.udev.host_uuid.as_deref(), Some("00000000-0000-0000-0000-00000000000a"));
    assert_eq!((network.tls_port, network.tcp_port), (16515, 16510));
    assert_eq!(network.allowed_names.as_ref().map(Vec::len), Some(2));
    let without_effect =
        ["unix_sock_admin_perms", "max_queued_clients", "min_workers", "log_outputs"];
    assert_eq!(loaded.warnings.len(), without_effect.len(), "{:?}", loaded.warnings);
    for (warning, name) in loaded.warnings.iter().zip(without_effect) {
        assert!(warning.starts_with("x.conf:") && warning.contains(name), "{warning}");
    }
}

#[test]
fn our_own_settings_are_taken() {
    let own = settings(
        "mdevctl = \"/opt/mdevctl\"\nvarlink_socket = 'none'\nrefresh_deadline = 250\n\
         action_deadline = 6000\nkeepalive_interval = 9\nself_check_interval = 30\n\
         metrics_listen = \"[::1]:9177\"\nudev_receive_buffer = 8192",
    );
    assert_eq!(own.driver.udev.receive_buffer, 8192);
    assert!(problem("udev_receive_buffer = 4095").contains("expected bytes, from 4096"));
    assert_eq!(own.driver.registry.self_check, Some(Duration::from_secs(30)));
    let metrics = MetricsAddress::Loopback("[::1]:9177".parse().unwrap());
    assert_eq!(own.sockets.metrics, Some(metrics));
    assert_eq!(settings("self_check_interval = 0").driver.registry.self_check, None);
    assert_eq!(settings("").driver.registry.self_check, Some(Duration::from_secs(600)));
    let open = problem("metrics_listen = \"0.0.0.0:9177\"");
    assert!(open.starts_with("x.conf:1: metrics_listen = \"0.0.0.0:9177\": "), "{open}");
    assert!(open.contains("only a loopback address"), "{open}");
    assert_eq!(own.driver.mdevctl.program, Path::new("/opt/mdevctl"));
    assert_eq!(own.sockets.varlink, Varlink::Nowhere);
    assert_eq!(own.driver.registry.refresh, Duration::from_millis(250));
    assert_eq!(own.driver.registry.action, Duration::from_secs(6));
    assert_eq!(own.driver.mdevctl.action_deadline, Duration::from_secs(5));
    assert_eq!(own.server.keepalive_interval, Some(Duration::from_secs(9)));
}

#[test]
fn a_wrong_value_is_told_with_file_line_name_value_and_what_was_expected() {
    assert_eq!(
        problem("\nmax_clients = \"many\"\n"),
        "x.conf:2: max_clients = \"many\": expected a number from 1 to 1000000"
    );
    assert!(problem("auth_unix_rw = \"sasl\"").contains("SASL is not there"));
    assert!(problem("auth_tls = \"sasl\"").contains("SASL is not there"));
    assert!(problem("access_drivers = [ \"polkit\" ]").contains("`polkit`"));
    assert!(problem("listen_tls = 2").contains("expected 0 or 1"));
    let both = problem("tcp_port = 0\ntls_port = \"x\"\nhost_uuid = \"1\"");
    assert_eq!(both.lines().count(), 3, "everything is told at once: {both}");
    let syntax = problem("max_clients = 0\nx = y");
    assert!(syntax.contains("x.conf:1: max_clients") && syntax.contains("x.conf:2: expected"));
}

#[test]
fn tcp_without_a_word_about_authentication_is_refused() {
    let refused = problem("tcp_port = \"1\"\nlisten_tcp = 1");
    assert!(refused.starts_with("x.conf:2: listen_tcp"), "{refused}");
    assert!(problem("listen_tcp = 1\nauth_tcp = \"sasl\"").contains("SASL"));
    let open = settings("listen_tcp = 1\nauth_tcp = \"none\"");
    assert!(open.network.tcp && open.network.tcp_without_auth);
}

#[test]
fn what_is_said_twice_or_means_nothing_is_warned_of() {
    let loaded = load("max_clients = 1\nmax_clients = 2\nmax_cleints = 3\n").unwrap();
    assert_eq!(loaded.settings.server.limits.clients, 2);
    assert_eq!(loaded.warnings.len(), 2);
    assert!(loaded.warnings[0].starts_with("x.conf:2: `max_clients`"));
    assert!(loaded.warnings[1].starts_with("x.conf:3: there is no setting `max_cleints`"));
    assert!(loaded.warnings[1].contains("`max_clients`"), "{}", loaded.warnings[1]);
}

#[test]
fn a_wrong_value_hides_no_warning() {
    let refused = load("max_client = 1\nmax_clients = 0\nlog_filters = \"1:qemu\"").unwrap_err();
    assert_eq!(refused.problems.len(), 1);
    let [unknown, foreign] = &*refused.warnings else {
        panic!("{:?}", refused.warnings);
    };
    assert!(unknown.contains("x.conf:1: ") && unknown.contains("do you mean `max_clients`"));
    assert!(foreign.starts_with("x.conf:3: log_filters") && foreign.contains("`qemu`"));
}

#[test]
fn what_the_daemon_would_not_start_with_is_found_in_the_text() {
    for (text, words) in [
        ("log_outputs = \"1:file:relative\"", "`1:file:relative`: expected stderr"),
        ("log_outputs = \"1:stderr 2:stdout\"", "`2:stdout`: expected stderr"),
        ("log_filters = \"9:rpc\"", "`9:rpc`: expected a level from 1 to 4"),
        ("log_filters = \"rpc\"", "`rpc`: expected a level from 1 to 4"),
        ("tls_allowed_dn_list = \"CN=a\"", "expected a list of patterns"),
        ("listen_addr = \"1.2.3.999\"", "expected an address"),
        ("listen_addr = \"no address\"", "expected an address"),
    ] {
        let problem = problem(text);
        let start = format!("x.conf:1: {text}: ");
        assert!(problem.starts_with(&start) && problem.contains(words), "{problem}");
    }
    for address in ["::1", "127.0.0.1", "fe80::1%lo", "localhost", "a-1.example"] {
        let said = settings(&format!("listen_addr = \"{address}\""));
        assert_eq!(said.network.address.as_deref(), Some(address));
    }
}

#[test]
fn one_port_for_tcp_and_tls_is_refused_where_both_listen() {
    let same = "auth_tcp = \"none\"\ntls_port = 7\ntcp_port = \"7\"\nlisten_tls = 1\n";
    let both = problem(&format!("{same}listen_tcp = 1"));
    assert!(both.starts_with("x.conf:3: tcp_port = \"7\": `tls_port`"), "{both}");
    assert!(load(same).is_ok());
    let usual = "tls_port = 16509\nauth_tcp = 'none'\nlisten_tcp = 1\nlisten_tls = 1";
    assert!(problem(usual).starts_with("x.conf:1: tls_port"));
}

#[test]
fn what_needs_a_restart_is_known() {
    let old = load("max_clients = 1\nunix_sock_group = \"a\"\nmdevctl = \"m\"").unwrap();
    let new =
        load("max_clients = 2\nunix_sock_group = \"b\"\nmdevctl = \"m\"\ntcp_port = 1").unwrap();
    assert_eq!(old.needing_restart(&new), ["unix_sock_group", "tcp_port"]);
    assert_eq!(old.needing_restart(&old), [""; 0]);
    let mut with_program = old.clone();
    with_program.settings.programs.push(ExecConfig::new("acme", "/bin/true").unwrap());
    assert_eq!(old.needing_restart(&with_program), ["sources_dir"]);
}

#[test]
fn a_missing_file_is_named() {
    let error = Loaded::from_file(Path::new("/no/such/x.conf")).unwrap_err();
    assert!(format!("{error:#}").contains("/no/such/x.conf"));
}

/// Defaults that are written as values are those that the code has.
#[test]
fn the_defaults_of_the_table_change_nothing() {
    let rows = TABLE.iter().filter(|setting| is_value(setting.default));
    let lines: Vec<_> = rows.map(|row| format!("{} = {}", row.name, row.default)).collect();
    assert!(lines.len() > 20, "{lines:?}");
    let set = settings(&lines.join("\n"));
    let default = Settings::default();
    assert_eq!(set.server, default.server);
    assert_eq!(format!("{:?}", set.driver), format!("{:?}", default.driver));
    assert_eq!(format!("{:?}", set.network), format!("{:?}", default.network));
}

/// With `NODEDEV_WRITE_DOCS=1` it writes the table into the page instead.
#[test]
fn the_reference_on_the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->");
    let (head, rest) = page.split_once(begin).expect("where the table begins");
    let (table, tail) = rest.split_once(end).expect("where the table ends");
    if std::env::var_os("NODEDEV_WRITE_DOCS").is_some() {
        std::fs::write(&path, [head, begin, &reference(), end, tail].concat()).unwrap();
    } else {
        assert_eq!(table, reference(), "run `cargo xtask docs`");
    }
}

fn is_value(text: &str) -> bool {
    syntax::parse(&format!("a = {text}")).1.is_none()
}

fn reference() -> String {
    let mut text = "\n| setting | takes | default | SIGHUP | what it does |\n\
                    | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for Setting { name, expects, default, reload, about, .. } in TABLE {
        let reload = if *reload { "yes" } else { "restart" };
        let written = *default != "-" && is_value(default);
        let default = if written { format!("`{default}`") } else { (*default).to_owned() };
        text += &format!("| `{name}` | {expects} | {default} | {reload} | {about} |\n");
    }
    text + "\n"
}
