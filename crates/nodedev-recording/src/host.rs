//! What a recording takes from the machine besides what the sources say: a file to be in, and the
//! kernel's name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{Uid, geteuid};

/// A file for a recording, which only its owner may read: it names serial numbers and addresses. One of ours
/// that is there is written over; a device or a pipe is written to as it is.
///
/// # Errors
///
/// When it cannot be made: also for a link, for another user's file, for a file that has further names, and
/// for a pipe that nobody reads.
pub fn create(file: &Path) -> io::Result<BufWriter<File>> {
    let file = open(file, OpenOptions::new().create(true).mode(0o600))?;
    if make_private(&file, geteuid())? {
        file.set_len(0)?;
    }
    waiting(file)
}

/// The same where no file is there yet; a device or a pipe is written to as it is.
///
/// # Errors
///
/// As for [`create`], and [`ErrorKind::AlreadyExists`] for a file that is there, which stays as it is.
pub fn create_new(file: &Path) -> io::Result<BufWriter<File>> {
    match open(file, OpenOptions::new().create_new(true).mode(0o600)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let there = open(file, &mut OpenOptions::new())?;
            if there.metadata()?.is_file() {
                return Err(error);
            }
            waiting(there)
        }
        opened => waiting(opened?),
    }
}

/// Who writes has a thread of his own, which may wait.
fn waiting(file: File) -> io::Result<BufWriter<File>> {
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(BufWriter::new(file))
}

/// Where there is a recording already, it gets a further `.1` behind its name, for which an older one of that
/// name goes. Returns the new name.
///
/// # Errors
///
/// As for [`create`], or when it cannot be renamed.
pub fn set_aside(file: &Path) -> io::Result<Option<PathBuf>> {
    let there = match fs::symlink_metadata(file) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !there.is_file() || there.len() == 0 {
        return Ok(None);
    }
    make_private(&open(file, &mut OpenOptions::new())?, geteuid())?;
    let mut aside = OsString::from(file);
    aside.push(".1");
    fs::rename(file, &aside)?;
    Ok(Some(aside.into()))
}

/// Follows no link, which somebody else may have laid, and waits for no reader.
fn open(file: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = options.write(true).custom_flags(flags.bits()).open(file);
    opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ELOOP) => io::Error::other("it is a symbolic link"),
        Some(Errno::ENXIO) => io::Error::other("nobody reads it"),
        _ => error,
    })
}

/// Whether it is a regular file; then nobody but its owner can open it from now on.
fn make_private(file: &File, owner: Uid) -> io::Result<bool> {
    let opened = file.metadata()?;
    if !opened.is_file() {
        return Ok(false);
    }
    let denied = |why| Err(io::Error::new(ErrorKind::PermissionDenied, why));
    if opened.uid() != owner.as_raw() {
        return denied("it is another user's");
    }
    if opened.nlink() > 1 {
        return denied("it has further names");
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(true)
}

/// Name, release and architecture of the kernel. Not the host's name, which is nobody's business.
#[must_use]
pub fn kernel() -> Option<String> {
    let name = nix::sys::utsname::uname().ok()?;
    let parts = [name.sysname(), name.release(), name.machine()];
    Some(parts.map(|part| part.to_string_lossy()).join(" "))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host.jsonl");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        (folder, file)
    }

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_that_everybody_could_read_is_private_before_it_is_written() {
        let (_folder, file) = file("old", 0o644);
        let mut out = create(&file).unwrap();
        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o600, ""));
        out.write_all(b"new").unwrap();
        drop(out);
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }

    #[test]
    fn a_new_one_is_made_where_nothing_is() {
        let (folder, there) = file("precious", 0o644);
        assert_eq!(create_new(&there).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(
            (mode(&there), fs::read_to_string(&there).unwrap().as_str()),
            (0o644, "precious")
        );
        let new = folder.path().join("new.jsonl");
        create_new(&new).unwrap().write_all(b"new").unwrap();
        assert_eq!((mode(&new), fs::read_to_string(&new).unwrap().as_str()), (0o600, "new"));
        let link = folder.path().join("link");
        symlink(folder.path().join("absent"), &link).unwrap();
        assert_eq!(create_new(&link).unwrap_err().to_string(), "it is a symbolic link");
        assert!(!folder.path().join("absent").exists());
    }

    #[test]
    fn no_link_is_followed() {
        let (folder, file) = file("precious", 0o644);
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(create(&link).unwrap_err().to_string(), "it is a symbolic link");
        symlink(folder.path().join("absent"), folder.path().join("dangling")).unwrap();
        create(&folder.path().join("dangling")).unwrap_err();
        assert!(!folder.path().join("absent").exists());
        fs::hard_link(&file, folder.path().join("second")).unwrap();
        assert_eq!(create(&file).unwrap_err().to_string(), "it has further names");
        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o644, "precious"));
    }

    #[test]
    fn another_users_file_stays_as_it_is() {
        let (_folder, file) = file("theirs", 0o644);
        let opened = File::options().write(true).open(&file).unwrap();
        let another = Uid::from_raw(geteuid().as_raw() + 1);
        let refused = make_private(&opened, another).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        assert_eq!(mode(&file), 0o644);
        if geteuid().is_root() {
            std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
            assert_eq!(create(&file).unwrap_err().kind(), ErrorKind::PermissionDenied);
            assert_eq!(set_aside(&file).unwrap_err().kind(), ErrorKind::PermissionDenied);
            assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        }
    }

    #[test]
    fn a_pipe_is_not_waited_for_and_a_device_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::from_bits_truncate(0o640)).unwrap();
        assert_eq!(create(&pipe).unwrap_err().to_string(), "nobody reads it");
        assert_eq!(create_new(&pipe).unwrap_err().to_string(), "nobody reads it");
        let options = &mut OpenOptions::new();
        let reader = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&pipe).unwrap();
        for out in [create(&pipe).unwrap(), create_new(&pipe).unwrap()] {
            let flags = fcntl(out.get_ref(), FcntlArg::F_GETFL).unwrap();
            assert!(!OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK));
        }
        assert_eq!(mode(&pipe), 0o640);
        drop(reader);
        let before = mode(Path::new("/dev/null"));
        create(Path::new("/dev/null")).unwrap();
        create_new(Path::new("/dev/null")).unwrap();
        assert_eq!((mode(Path::new("/dev/null")), set_aside(&pipe).unwrap()), (before, None));
    }

    #[test]
    fn the_last_one_is_set_aside() {
        let (_folder, file) = file("first", 0o644);
        let aside = set_aside(&file).unwrap().unwrap();
        assert_eq!(aside, file.with_file_name("host.jsonl.1"));
        assert_eq!((mode(&aside), fs::read_to_string(&aside).unwrap().as_str()), (0o600, "first"));
        assert_eq!(set_aside(&file).unwrap(), None, "nothing is there");
        create(&file).unwrap();
        assert_eq!(set_aside(&file).unwrap(), None, "it is empty");
        create(&file).unwrap().write_all(b"second").unwrap();
        set_aside(&file).unwrap();
        assert_eq!(fs::read_to_string(&aside).unwrap(), "second");
    }
}
