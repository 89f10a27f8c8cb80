//! The file with the daemon's process id: written at once, locked while the daemon runs.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// No process is between its start and its program for longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A process id file of ours. Removed when dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// The lock is the open file's.
    file: File,
}

impl PidFile {
    /// Writes our process id there. A file that nobody has locked is of a daemon that died.
    ///
    /// # Errors
    ///
    /// When a running daemon has the file, or the system refuses.
    pub(crate) fn write(path: &Path) -> anyhow::Result<Self> {
        let written = NewFile::beside(path)
            .with_context(|| format!("cannot write a process id file beside {}", path.display()))?;
        clear_unfinished(path, &written.path);
        loop {
            let failed = || format!("cannot write the process id file {}", path.display());
            match fs::hard_link(&written.path, path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(failed),
            }
            let Some(stale) = lock_stale(path)? else {
                continue;
            };
            // Locked until the new one, locked too, has taken its place.
            fs::rename(&written.path, path).with_context(failed)?;
            drop(stale);
            break;
        }
        // The lock goes with the last descriptor of the file.
        let file = written.file.try_clone().context("cannot keep the process id file")?;
        Ok(Self { path: path.to_owned(), file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if is_same(&self.path, &self.file)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the process id file");
        }
    }
}

/// A locked file with our process id under a name of its own, which goes when it is dropped.
struct NewFile {
    path: PathBuf,
    file: File,
}

impl NewFile {
    fn beside(path: &Path) -> io::Result<Self> {
        let id = std::process::id();
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{id}"));
        let path = path.with_file_name(name);
        // What has our name and is not ours was left by somebody who had our process id before.
        let _ = fs::remove_file(&path);
        let mut new = Self { file: File::create_new(&path)?, path };
        new.file.lock()?;
        writeln!(new.file, "{id}")?;
        Ok(new)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After a rename it is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what daemons have left that were killed before their files had their name: what nobody has
/// locked. Another one that is starting and has not locked its own yet would not get the name, which is
/// ours next.
fn clear_unfinished(path: &Path, ours: &Path) {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return;
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let there = entry.path();
        if there == ours || !is_unfinished(path, &there) || !there.is_file() {
            continue;
        }
        if let Ok(file) = File::open(&there)
            && file.try_lock().is_ok()
            && is_same(&there, &file)
        {
            let _ = fs::remove_file(&there);
        }
    }
}

/// Whether it is named as a [`NewFile`] beside `path`.
fn is_unfinished(path: &Path, there: &Path) -> bool {
    let is_named = path.file_name() == there.file_stem();
    let number = there.extension().and_then(|number| number.to_str());
    is_named && number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The file of a daemon that died, locked. `None` if it has changed hands meanwhile.
fn lock_stale(path: &Path) -> anyhow::Result<Option<File>> {
    // Opening anything else might wait, and what a link leads to never has the link's place.
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        bail!("{} is in the way and not a file", path.display());
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let failed = format!("cannot open the process id file {}", path.display());
            return Err(error).context(failed);
        }
    };
    match lock_in_time(&file) {
        Ok(true) => Ok(is_same(path, &file).then_some(file)),
        Ok(false) => {
            let id = fs::read_to_string(path).unwrap_or_default();
            bail!("a daemon with process id {} has {}", id.trim(), path.display());
        }
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Locks the file unless it stays locked. A daemon that is killed while it starts mdevctl leaves a process
/// that holds all of its files until it becomes mdevctl.
fn lock_in_time(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => return Ok(true),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    let (locked, is_locked) = mpsc::channel();
    let waiting = file.try_clone()?;
    // Where the lock does not come the process ends, and this with it.
    thread::Builder::new().name("pid-file".to_owned()).spawn(move || {
        let _ = locked.send(waiting.lock());
    })?;
    is_locked.recv_timeout(PATIENCE).map_or(Ok(false), |locked| locked.map(|()| true))
}

fn is_same(path: &Path, file: &File) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        for target in ["nowhere", "."] {
            std::os::unix::fs::symlink(folder.path().join(target), &path).unwrap();
            let refused = PidFile::write(&path).unwrap_err().to_string();
            assert!(refused.contains("not a file"), "{refused}");
            assert_eq!(names(folder.path()), ["pid"]);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn it_holds_our_id_and_goes_with_us() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(names(folder.path()), ["pid"]);
        drop(file);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_stale_one_is_replaced_and_a_locked_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "77\n").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_ne!(fs::read_to_string(&path).unwrap(), "77\n");
        let refused = PidFile::write(&path).unwrap_err().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        assert!(refused.contains("/pid"), "{refused}");
        assert_eq!(names(folder.path()), ["pid"]);

        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's\n").unwrap();
        drop(file);
        assert_eq!(names(folder.path()), ["pid"], "what is not ours stays");
    }

    #[test]
    fn a_lock_that_outlives_its_daemon_for_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "77\n").unwrap();
        let dying = File::open(&path).unwrap();
        dying.lock().unwrap();
        let starting = thread::spawn(move || PidFile::write(&path).map(|_| ()));
        // It has written its own file when it comes to look at the one that is there.
        while names(folder.path()).len() < 2 {
            thread::yield_now();
        }
        drop(dying);
        starting.join().unwrap().unwrap();
    }

    #[test]
    fn what_killed_daemons_have_left_goes_and_what_is_locked_or_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        for name in ["pid.77", "pid.old", "other.77"] {
            fs::write(folder.path().join(name), "77\n").unwrap();
        }
        let starting = File::create(folder.path().join("pid.78")).unwrap();
        starting.lock().unwrap();
        let _file = PidFile::write(&path).unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["other.77", "pid", "pid.78", "pid.old"]);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let refused = format!("{:#}", PidFile::write(Path::new("/no/such/pid")).unwrap_err());
        assert!(refused.contains("/no/such/pid"), "{refused}");
    }
}
