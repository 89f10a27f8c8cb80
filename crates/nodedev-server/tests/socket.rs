//! Sockets on a real file system and in the abstract name space.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test panics where it fails")]

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{
    SocketAddr, UnixDatagram, UnixListener as StdListener, UnixStream as StdStream,
};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, listen, socket};
use nodedev_server::socket::{AdoptError, BindError, SocketOptions, adopt, bind};
use tempfile::TempDir;
use tokio::net::UnixStream;

fn scratch() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("virtnodedevd-sock");
    (folder, path)
}

fn dead_socket(path: &Path) {
    drop(StdListener::bind(path).unwrap());
    assert_eq!(StdStream::connect(path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn clients_connect_and_the_file_goes_with_the_guard() {
    let (folder, path) = scratch();
    let bound = bind(&path, &SocketOptions::default()).unwrap();
    let (client, accepted) = tokio::join!(UnixStream::connect(&path), bound.listener.accept());
    assert!(client.is_ok() && accepted.is_ok());
    assert_eq!(bound.file.path(), Some(path.as_path()));
    assert_eq!(names(folder.path()), ["virtnodedevd-sock"]);

    drop(bound);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[tokio::test]
async fn the_file_has_the_mode_and_group_asked_for() {
    let (_folder, path) = scratch();
    let group = nix::unistd::getegid().as_raw();
    for mode in [0o777, 0o700, 0o660] {
        let options = SocketOptions { mode, group: Some(group.to_string()), folder_mode: 0o700 };
        let _bound = bind(&path, &options).unwrap();
        let file = fs::metadata(&path).unwrap();
        assert_eq!(file.permissions().mode() & 0o7777, mode);
        assert_eq!(file.gid(), group);
    }
}

#[tokio::test]
async fn groups_go_by_name_too() {
    let (_folder, path) = scratch();
    let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap();
    let options = SocketOptions { group: Some(group.name), ..SocketOptions::default() };
    let _bound = bind(&path, &options).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().gid(), group.gid.as_raw());
}

#[tokio::test]
async fn an_unknown_group_leaves_no_socket() {
    let (folder, path) = scratch();
    let options = SocketOptions { group: Some("no-such-group".into()), ..SocketOptions::default() };
    let error = bind(&path, &options).unwrap_err();
    assert!(matches!(&error, BindError::Group { group, .. } if group == "no-such-group"));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[tokio::test]
async fn missing_folders_are_made() {
    let (folder, _) = scratch();
    for (name, folder_mode) in [("session", 0o700), ("system", 0o755), ("open", 0o777)] {
        let path = folder.path().join(name).join("libvirt/sock");
        let options = SocketOptions { folder_mode, ..SocketOptions::default() };
        let _bound = bind(&path, &options).unwrap();
        let made = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(made.permissions().mode() & 0o7777, folder_mode);
    }
}

#[tokio::test]
async fn folders_that_exist_stay_as_they_are() {
    let (folder, path) = scratch();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).unwrap();
    let _bound = bind(&path, &SocketOptions::default()).unwrap();
    let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o750);
}

#[tokio::test]
async fn a_running_daemon_keeps_its_socket() {
    let (_folder, path) = scratch();
    let first = bind(&path, &SocketOptions::default()).unwrap();
    let error = bind(&path, &SocketOptions::default()).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(UnixStream::connect(&path).await.is_ok());
    drop(first);
    assert!(bind(&path, &SocketOptions::default()).is_ok());
}

#[tokio::test]
async fn a_daemon_too_busy_to_accept_runs_all_the_same() {
    let (_folder, path) = scratch();
    let busy = StdListener::bind(&path).unwrap();
    listen(&busy, Backlog::new(0).unwrap()).unwrap();
    let _queued = StdStream::connect(&path).unwrap();
    assert!(matches!(bind(&path, &SocketOptions::default()), Err(BindError::InUse { .. })));
}

#[tokio::test]
async fn a_dead_daemons_socket_is_replaced() {
    let (_folder, path) = scratch();
    dead_socket(&path);
    let _bound = bind(&path, &SocketOptions::default()).unwrap();
    assert!(UnixStream::connect(&path).await.is_ok());
}

#[tokio::test]
async fn nothing_but_sockets_is_replaced() {
    let (folder, path) = scratch();
    let target = folder.path().join("target");
    dead_socket(&target);
    let obstacles: [(&str, &dyn Fn()); 3] = [
        ("file", &|| fs::write(&path, "precious").unwrap()),
        ("folder", &|| fs::create_dir(&path).unwrap()),
        ("link to a dead socket", &|| symlink(&target, &path).unwrap()),
    ];
    for (what, make) in obstacles {
        make();
        let before = fs::symlink_metadata(&path).unwrap().ino();
        let error = bind(&path, &SocketOptions::default()).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{what}: {error}");
        assert_eq!(fs::symlink_metadata(&path).unwrap().ino(), before, "{what}");
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    assert!(fs::metadata(&target).unwrap().file_type().is_socket());
}

#[tokio::test]
async fn a_live_socket_of_another_kind_is_in_use() {
    let (_folder, path) = scratch();
    let _other = UnixDatagram::bind(&path).unwrap();
    assert!(matches!(bind(&path, &SocketOptions::default()), Err(BindError::InUse { .. })));
}

#[tokio::test]
async fn a_path_that_fits_no_address_is_named_with_its_length() {
    let (folder, _) = scratch();
    let room = 107 - folder.path().as_os_str().len() - 1;
    let fits = folder.path().join("s".repeat(room));
    assert!(bind(&fits, &SocketOptions::default()).is_ok());
    let long = folder.path().join("s".repeat(room + 1));
    let error = bind(&long, &SocketOptions::default()).unwrap_err();
    assert!(matches!(error, BindError::TooLong { bytes: 108, .. }));
    assert!(error.to_string().contains(long.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn the_socket_of_a_successor_is_left_alone() {
    let (_folder, path) = scratch();
    let first = bind(&path, &SocketOptions::default()).unwrap();
    fs::remove_file(&path).unwrap();
    let _second = bind(&path, &SocketOptions::default()).unwrap();
    drop(first);
    assert!(UnixStream::connect(&path).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_daemons_that_start_together_one_gets_the_socket() {
    const DAEMONS: usize = 8;
    for _ in 0..20 {
        let (folder, path) = scratch();
        dead_socket(&path);
        let barrier = Arc::new(Barrier::new(DAEMONS));
        let starts: Vec<_> = (0..DAEMONS)
            .map(|_| {
                let (path, barrier) = (path.clone(), Arc::clone(&barrier));
                tokio::task::spawn_blocking(move || {
                    barrier.wait();
                    bind(&path, &SocketOptions::default())
                })
            })
            .collect();
        let mut ends = Vec::new();
        for start in starts {
            ends.push(start.await.unwrap());
        }
        let (winners, losers): (Vec<_>, Vec<_>) = ends.into_iter().partition(Result::is_ok);
        assert_eq!(winners.len(), 1, "{losers:?}");
        assert!(losers.iter().all(|end| matches!(end, Err(BindError::InUse { .. }))), "{losers:?}");
        assert!(UnixStream::connect(&path).await.is_ok());
        assert_eq!(names(folder.path()), ["virtnodedevd-sock"]);
    }
}

#[tokio::test]
async fn abstract_sockets_have_no_file() {
    let name = format!("@nodedev-test-{}", std::process::id());
    let bound = bind(Path::new(&name), &SocketOptions::default()).unwrap();
    assert_eq!(bound.file.path(), None);
    let address = SocketAddr::from_abstract_name(format!("{:\0<107}", &name[1..])).unwrap();
    assert!(StdStream::connect_addr(&address).is_ok());
    let error = bind(Path::new(&name), &SocketOptions::default()).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&name), "{error}");
    drop(bound);
    assert!(bind(Path::new(&name), &SocketOptions::default()).is_ok());
    assert!(bind(Path::new("@"), &SocketOptions::default()).is_err());
}

#[tokio::test]
async fn a_listening_socket_is_adopted() {
    let (_folder, path) = scratch();
    let passed = OwnedFd::from(StdListener::bind(&path).unwrap());
    fcntl(&passed, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let adopted = adopt(passed).unwrap();
    let descriptor = adopted.as_fd();
    let flags = fcntl(descriptor, FcntlArg::F_GETFD).unwrap();
    assert!(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC));
    let flags = fcntl(descriptor, FcntlArg::F_GETFL).unwrap();
    assert!(OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK));
    let (client, accepted) = tokio::join!(UnixStream::connect(&path), adopted.accept());
    assert!(client.is_ok() && accepted.is_ok());
}

#[tokio::test]
async fn other_descriptors_are_not_adopted() {
    let (folder, _) = scratch();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(matches!(adopt(tcp.into()), Err(AdoptError::NotUnix)));
    let datagram = UnixDatagram::bind(folder.path().join("datagram")).unwrap();
    assert!(matches!(adopt(datagram.into()), Err(AdoptError::NotStream)));
    let idle = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).unwrap();
    assert!(matches!(adopt(idle), Err(AdoptError::NotListening)));
    let (connected, _other) = StdStream::pair().unwrap();
    assert!(matches!(adopt(connected.into()), Err(AdoptError::NotListening)));
    let file = fs::File::open("/dev/null").unwrap();
    assert!(matches!(adopt(file.into()), Err(AdoptError::Io(_))));
}

/// What a daemon that was killed had just started holds its sockets until it becomes another program.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a process that dies is what is tested")]
async fn a_socket_that_outlives_its_daemon_for_a_moment_is_waited_for() {
    let (_folder, path) = scratch();
    let script = "import os, socket, sys\n\
                  made = socket.socket(socket.AF_UNIX)\nmade.bind(sys.argv[1])\nmade.listen()\n\
                  if os.fork():\n    os._exit(0)\nprint('left', flush=True)\nmade.accept()";
    let mut daemon = Command::new("python3");
    let mut daemon = daemon.args(["-c", script]).arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert!(daemon.wait().unwrap().success());
    assert!(bind(&path, &SocketOptions::default()).is_ok());
}

#[tokio::test]
async fn a_socket_of_somebody_who_hangs_up_at_once_is_in_use() {
    let (_folder, path) = scratch();
    let living = StdListener::bind(&path).unwrap();
    std::thread::spawn(move || living.incoming().for_each(drop));
    assert!(matches!(bind(&path, &SocketOptions::default()), Err(BindError::InUse { .. })));
}
