//! Reading files, links and directories below the injected root. The only place that opens any.
//!
//! Everything goes through the C library (`std`), so that a mock host can take its place.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::announce::Announcer;
use crate::raw_device::file_name;
use crate::scan;

/// The largest attribute that is read.
pub(crate) const MAX_ATTRIBUTE: usize = 64 << 10;

/// What the kernel shows of an attribute at once. Less than that is all that there is
/// (`Documentation/filesystems/sysfs.rst`), so that the end needs no further question.
const PAGE: usize = 4096;

/// Why a file gave no contents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The system refused: most often the file is not there.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A directory lies in its place.
    #[error("is a directory")]
    Directory,
    /// More than [`MAX_ATTRIBUTE`].
    #[error("larger than {} KiB", MAX_ATTRIBUTE >> 10)]
    TooLarge,
    /// The file keeps its reader waiting.
    #[error("gave no answer within {0:?}")]
    NoAnswer(Duration),
}

/// The files of devices, by the paths that the kernel gives them.
pub(crate) trait Files {
    /// The contents of a file.
    fn contents(&self, path: &str) -> Result<Vec<u8>, FileError>;
    /// Some bytes of a file, fewer where it ends. Nothing else of it is read.
    fn part(&self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileError>;
    /// How large a file says it is.
    fn size(&self, path: &str) -> Option<u64>;
    /// The name of what a link leads to in the end. `None` if it is no link or its target is missing; a device that was
    /// listed a moment ago may count as there.
    fn link_name(&self, path: &str) -> Option<String>;
    /// The last name in a link, whether anything is there or not. `None` if it is no link.
    fn link_text_name(&self, path: &str) -> Option<String>;
    /// The canonical path. `None` if anything in it is missing.
    fn canonical(&self, path: &str) -> Option<String>;
    /// The names in a directory in its own order. `None` if it cannot be listed.
    fn entries(&self, path: &str) -> Option<Vec<String>>;
    /// Whether there is anything of that name. A link that leads nowhere is nothing.
    fn exists(&self, path: &str) -> bool;
    /// Whether it is a link, dangling or not.
    fn is_link(&self, path: &str) -> bool;
    /// Whether the kernel shows this process what only root may see.
    fn is_privileged(&self) -> bool;
}

/// The host's own files, each announced before it is touched.
#[derive(Debug)]
pub(crate) struct HostFiles<'a> {
    root: &'a Path,
    announcer: &'a Announcer,
    deadline: Duration,
    /// The file of which a part was read last: mostly the next part is of the same.
    parted: RefCell<Option<(String, File)>>,
    /// What was looked for last and is not there, itself or what it leads to: whoever then asks whether
    /// there is anything of that name has the answer.
    absent: RefCell<Option<(String, Absent)>>,
    /// Paths of devices that were there a moment ago, in order.
    listed: &'a [String],
    /// The device that is being read, if it is one.
    device: &'a str,
}

/// What is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absent {
    /// The name itself.
    Name,
    /// The name, or what a link of that name leads to.
    End,
}

impl<'a> HostFiles<'a> {
    pub(crate) const fn new(root: &'a Path, announcer: &'a Announcer, deadline: Duration) -> Self {
        Self {
            root,
            announcer,
            deadline,
            parted: RefCell::new(None),
            absent: RefCell::new(None),
            listed: &[],
            device: "",
        }
    }

    /// The same, for the reading of that device.
    pub(crate) fn of(self, device: &'a str) -> Self {
        Self { device, ..self }
    }

    /// The same, which does not look for a device that one of its links leads to if it was listed.
    pub(crate) fn with_listed(self, listed: &'a [String]) -> Self {
        Self { listed, ..self }
    }

    /// The listed device that a link with this target leads to. As from one device to another, where nothing on the
    /// way is a link.
    fn listed_end(&self, link: &str, target: &Path) -> Option<PathBuf> {
        let folder = Path::new(link).parent().filter(|_| !self.listed.is_empty())?;
        let device = scan::led_to(folder, target);
        let path = device.to_str()?;
        self.listed.binary_search_by(|listed| listed.as_str().cmp(path)).ok()?;
        Some(device)
    }

    /// The path below the root.
    fn host_path<'p>(&self, path: &'p str) -> Cow<'p, Path> {
        if path.starts_with('/') && self.root == Path::new("/") {
            return Path::new(path).into();
        }
        self.root.join(path.trim_start_matches('/')).into()
    }

    /// The one name under which readers tell each other of a file: an interface's own are also read by its name below its
    /// class.
    fn known_as<'p>(&self, path: &'p str) -> Cow<'p, str> {
        let by_name = path.strip_prefix("/sys/class/net/").and_then(|path| path.split_once('/'));
        match by_name {
            Some((name, file)) if name == file_name(self.device) => {
                format!("{}/{file}", self.device).into()
            }
            _ => path.into(),
        }
    }

    /// Whether what is there is an ordinary file.
    ///
    /// # Errors
    ///
    /// When nothing is there ([`is_absent`]), or it is not known.
    pub(crate) fn is_file(&self, path: &str) -> io::Result<bool> {
        self.announced(path, |path| Ok(fs::metadata(path)?.is_file()))
    }

    /// Remembers what this error says of the path.
    fn note_absent(&self, path: &str, error: &io::Error, absent: Absent) {
        if error.kind() == ErrorKind::NotFound {
            *self.absent.borrow_mut() = Some((path.to_owned(), absent));
        }
    }

    fn known_absent(&self, path: &str) -> Option<Absent> {
        self.absent.borrow().as_ref().filter(|(of, _)| of == path).map(|&(_, absent)| absent)
    }

    fn announced<T>(&self, path: &str, read: impl FnOnce(&Path) -> T) -> T {
        let _announcement = self.announcer.announce(path, self.deadline);
        read(&self.host_path(path))
    }
}

/// Whether this says that the system has too little of something for now, and nothing of what was asked for.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS];
    error.kind() == ErrorKind::OutOfMemory
        || error.raw_os_error().is_some_and(|number| shortages.contains(&Errno::from_raw(number)))
}

/// Whether this says that there is no such thing, and not only that nothing could be learned of it.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    let gone = [Errno::ENOENT, Errno::ENOTDIR, Errno::ENODEV, Errno::ENXIO];
    error.raw_os_error().is_some_and(|number| gone.contains(&Errno::from_raw(number)))
}

impl Files for HostFiles<'_> {
    fn contents(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let known = self.known_as(path);
        // A reader that hangs in this file already is enough.
        if self.announcer.leaves_alone(&known, self.device) {
            return Err(FileError::NoAnswer(self.deadline));
        }
        let _entered = self.announcer.announce(&known, self.deadline);
        read_attribute(&self.host_path(path), self.deadline)
    }

    fn part(&self, path: &str, offset: u64, len: usize) -> Result<Vec<u8>, FileError> {
        if self.announcer.leaves_alone(path, self.device) {
            return Err(FileError::NoAnswer(self.deadline));
        }
        let mut parted = self.parted.borrow_mut();
        let file = match parted.take_if(|(of, _)| of == path) {
            Some((_, file)) => file,
            None => self.announced(path, open)?,
        };
        let (_, file) = parted.insert((path.to_owned(), file));
        self.announced(path, |_| read_part(file, offset, len, self.deadline))
    }

    fn size(&self, path: &str) -> Option<u64> {
        let parted = self.parted.borrow();
        let open = parted.as_ref().filter(|(of, _)| of == path);
        self.announced(path, |path| {
            let metadata = open.map_or_else(|| fs::metadata(path), |(_, file)| file.metadata());
            Some(metadata.ok()?.len())
        })
    }

    fn link_name(&self, path: &str) -> Option<String> {
        let followed = self.announced(path, |host_path| {
            let target = fs::read_link(host_path)?;
            io::Result::Ok(self.listed_end(path, &target).or_else(|| end_of(host_path, &target)))
        });
        if let Err(error) = &followed {
            self.note_absent(path, error, Absent::Name);
        }
        Some(followed.ok()??.file_name()?.to_string_lossy().into_owned())
    }

    fn link_text_name(&self, path: &str) -> Option<String> {
        let target = self.announced(path, |path| fs::read_link(path).ok())?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    fn canonical(&self, path: &str) -> Option<String> {
        self.announced(path, |path| {
            let canonical = fs::canonicalize(path).ok()?;
            let below = canonical.strip_prefix(self.root).ok()?;
            Some(format!("/{}", below.to_str()?))
        })
    }

    fn entries(&self, path: &str) -> Option<Vec<String>> {
        let names = self.announced(path, |path| {
            let entries = fs::read_dir(path)?.filter_map(Result::ok);
            let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            io::Result::Ok(entries.map(name).collect())
        });
        if let Err(error) = &names {
            self.note_absent(path, error, Absent::End);
        }
        names.ok()
    }

    fn exists(&self, path: &str) -> bool {
        self.known_absent(path).is_none() && self.announced(path, Path::exists)
    }

    fn is_link(&self, path: &str) -> bool {
        self.known_absent(path) != Some(Absent::Name) && self.announced(path, Path::is_symlink)
    }

    fn is_privileged(&self) -> bool {
        nix::unistd::geteuid().is_root()
    }
}

/// What a link with this target leads to in the end. The kernel's own links lead to directories at once: for
/// these one question is enough, where `realpath` has one for each part of the path.
fn end_of(link: &Path, target: &Path) -> Option<PathBuf> {
    let next = link.parent()?.join(target);
    let ends_in_name = matches!(next.components().next_back(), Some(Component::Normal(_)));
    if ends_in_name && !fs::symlink_metadata(&next).ok()?.is_symlink() {
        return Some(next);
    }
    fs::canonicalize(link).ok()
}

/// Reads a whole attribute. A pipe or a device in its place does not hold the reader: it has no offsets.
fn read_attribute(path: &Path, deadline: Duration) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let mut start = [0; PAGE];
    let first = loop {
        match file.read_at(&mut start, 0) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            first => break first,
        }
    };
    let mut contents = start[..*first.as_ref().unwrap_or(&0)].to_vec();
    let read = match first {
        // As an offset does not move the file's position, this begins at its start.
        Ok(PAGE) => {
            contents.clear();
            (&file).take(MAX_ATTRIBUTE as u64 + 1).read_to_end(&mut contents)
        }
        first => first,
    };
    match read.map(|_| contents.len()) {
        Ok(0) if is_pipe(&file) => Err(FileError::NoAnswer(deadline)),
        Ok(n) if n > MAX_ATTRIBUTE => Err(FileError::TooLarge),
        Ok(_) => Ok(contents),
        Err(error) if error.kind() == ErrorKind::IsADirectory => Err(FileError::Directory),
        Err(_) if is_pipe(&file) => Err(FileError::NoAnswer(deadline)),
        Err(error) => Err(error.into()),
    }
}

/// Reads some bytes of an attribute.
fn read_part(
    file: &File,
    offset: u64,
    len: usize,
    deadline: Duration,
) -> Result<Vec<u8>, FileError> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                return Err(FileError::Directory);
            }
            // A pipe has no offsets.
            Err(_) if is_pipe(file) => return Err(FileError::NoAnswer(deadline)),
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe without a writer would block, and under umockdev every other thread with it.
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

fn is_pipe(file: &File) -> bool {
    file.metadata().is_ok_and(|m| m.file_type().is_fifo())
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    fn read(root: &Path, path: &str) -> Result<Vec<u8>, FileError> {
        let announcer = Announcer::default();
        HostFiles::new(root, &announcer, Duration::from_millis(500)).contents(path)
    }

    #[test]
    fn a_shortage_is_told_from_absence_and_refusal() {
        let is_shortage = |number| is_shortage(&io::Error::from_raw_os_error(number as i32));
        assert!([Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM].into_iter().all(is_shortage));
        assert!(![Errno::ENOENT, Errno::EACCES, Errno::EIO].into_iter().any(is_shortage));
    }

    #[test]
    fn a_pipe_does_not_hold_the_reader() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        assert!(matches!(read(root.path(), "/pipe"), Err(FileError::NoAnswer(_))));
        let _writer = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        assert!(matches!(read(root.path(), "/pipe"), Err(FileError::NoAnswer(_))));
    }

    #[test]
    fn a_part_is_what_there_is_from_an_offset_on() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("config"), b"0123456789").unwrap();
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("dangling")).unwrap();
        let announcer = Announcer::default();
        let files = HostFiles::new(root.path(), &announcer, Duration::from_millis(500));
        assert_eq!(files.part("/config", 2, 3).unwrap(), b"234");
        assert_eq!(files.part("/config", 8, 4).unwrap(), b"89");
        assert_eq!(files.part("/config", 99, 4).unwrap(), b"");
        assert!(matches!(files.part("/pipe", 0, 1), Err(FileError::NoAnswer(_))));
        assert!(matches!(files.part("/", 0, 1), Err(FileError::Directory)));
        assert!(matches!(files.part("/none", 0, 1), Err(FileError::Io(_))));
        assert_eq!(files.size("/config"), Some(10));
        assert!(files.is_link("/dangling") && !files.is_link("/config"));
    }

    #[test]
    fn a_link_to_a_device_that_was_listed_is_not_followed_and_any_other_is() {
        let root = tempfile::tempdir().unwrap();
        let links = [("listed", "../b"), ("other", "../c"), ("there", "../a"), ("here", ".")];
        for (name, target) in links {
            fs::create_dir_all(root.path().join("sys/a")).unwrap();
            std::os::unix::fs::symlink(target, root.path().join("sys/a").join(name)).unwrap();
        }
        let announcer = Announcer::default();
        let listed = ["/sys/a".to_owned(), "/sys/b".to_owned()];
        let files = HostFiles::new(root.path(), &announcer, Duration::from_millis(500));
        let name = |files: &HostFiles<'_>, link: &str| files.link_name(&format!("/sys/a/{link}"));
        assert_eq!((name(&files, "listed"), name(&files, "there").as_deref()), (None, Some("a")));
        assert_eq!(name(&files, "here").as_deref(), Some("a"));
        let files = files.with_listed(&listed);
        assert_eq!(name(&files, "listed").as_deref(), Some("b"));
        assert_eq!((name(&files, "other"), name(&files, "there").as_deref()), (None, Some("a")));
        assert_eq!(name(&files, "here").as_deref(), Some("a"), "that does not end in a name");
    }

    #[test]
    fn a_huge_file_is_refused_and_an_empty_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("most"), vec![b'a'; MAX_ATTRIBUTE]).unwrap();
        fs::write(root.path().join("more"), vec![b'a'; MAX_ATTRIBUTE + 1]).unwrap();
        fs::write(root.path().join("none"), "").unwrap();
        assert_eq!(read(root.path(), "/most").unwrap().len(), MAX_ATTRIBUTE);
        assert!(matches!(read(root.path(), "/more"), Err(FileError::TooLarge)));
        assert_eq!(read(root.path(), "/none").unwrap(), b"");
        assert!(matches!(read(root.path(), "/"), Err(FileError::Directory)));
    }

    #[test]
    fn links_resolve_below_the_root_and_dangling_ones_have_no_name() {
        let root = tempfile::tempdir().unwrap();
        let root_path = fs::canonicalize(root.path()).unwrap();
        fs::create_dir_all(root_path.join("sys/bus/drivers/e1000")).unwrap();
        std::os::unix::fs::symlink("bus/drivers/e1000", root_path.join("sys/driver")).unwrap();
        std::os::unix::fs::symlink("nowhere", root_path.join("sys/dangling")).unwrap();
        let announcer = Announcer::default();
        let files = HostFiles::new(&root_path, &announcer, Duration::from_secs(1));
        assert_eq!(files.link_name("/sys/driver").as_deref(), Some("e1000"));
        assert_eq!(files.link_name("/sys/dangling"), None);
        assert_eq!(files.link_text_name("/sys/dangling").as_deref(), Some("nowhere"));
        assert!(files.is_link("/sys/dangling") && !files.exists("/sys/dangling"));
        assert_eq!(files.link_name("/sys/missing"), None);
        assert!(!files.is_link("/sys/missing") && !files.exists("/sys/missing"));
        assert_eq!(files.entries("/sys/dangling"), None);
        assert!(files.is_link("/sys/dangling") && !files.exists("/sys/dangling"));
        assert_eq!(files.entries("/sys/missing"), None);
        assert!(!files.is_link("/sys/missing") && !files.exists("/sys/missing"));
        assert_eq!(files.entries("/sys/bus").as_deref(), Some(&["drivers".to_owned()][..]));
        std::os::unix::fs::symlink("bus/drivers/..", root_path.join("sys/above")).unwrap();
        assert_eq!(files.link_name("/sys/above").as_deref(), Some("bus"));
        std::os::unix::fs::symlink("driver", root_path.join("sys/alias")).unwrap();
        assert_eq!(files.link_name("/sys/alias").as_deref(), Some("e1000"));
        assert!(files.exists("/sys/driver"));
        assert!(!files.exists("/sys/dangling") && !files.exists("/sys/missing"));
        assert_eq!(files.canonical("/sys/driver").as_deref(), Some("/sys/bus/drivers/e1000"));
    }
}
