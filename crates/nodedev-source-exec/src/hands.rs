//! Who else could put something in a file's place: whoever can is who runs the daemon.
//!
//! A path is in the hands of the owners of all that it leads through: each folder from `/` on, each link,
//! and what each link names. Looks at owners and permissions; opens nothing.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Links that are followed, as by the kernel.
const LINKS: usize = 40;
const STICKY: u32 = 0o1000;

/// Why somebody else than root, or than the user of this process, could change what the path leads to: what
/// root runs, or what says so, is to be in root's hands alone. A file that is not there nobody can change,
/// unless somebody else could make it.
#[must_use]
pub fn in_foreign_hands(path: &Path) -> Option<String> {
    // A relative one, of the command line, counts from where the daemon was started.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    way_in_foreign_hands(&path, LINKS)
}

fn way_in_foreign_hands(path: &Path, links: usize) -> Option<String> {
    let way: Vec<_> = path.ancestors().collect();
    // A folder in which everybody makes files, and only their owners remove them.
    let mut common: Option<&Path> = None;
    for place in way.into_iter().rev() {
        let Ok(found) = place.symlink_metadata() else {
            return common.map(|folder| format!("{} can be made by anybody", shown(folder, place)));
        };
        if let Some(why) = owned_by_another(place, &found) {
            return Some(why);
        }
        if found.is_symlink() {
            let Some(links) = links.checked_sub(1) else {
                return Some(format!("{} leads through too many links", place.display()));
            };
            let target = link_target(place)?;
            if let Some(why) = way_in_foreign_hands(&target, links) {
                return Some(why);
            }
        }
        // Of a link the way to its end has been looked at; what is left is the end itself.
        let Ok(end) = place.metadata() else { return None };
        let is_common = end.is_dir() && end.mode() & STICKY != 0 && place != path;
        // Writing to /dev/null changes nothing.
        let is_device = end.file_type().is_char_device();
        if end.mode() & 0o022 != 0 && !is_common && !is_device {
            let mode = end.mode() & 0o7777;
            let place = place.display();
            return Some(format!(
                "{place} can be written by others than its owner (mode {mode:04o})"
            ));
        }
        common = is_common.then_some(place);
    }
    None
}

fn owned_by_another(place: &Path, found: &Metadata) -> Option<String> {
    let owner = found.uid();
    let is_ours = owner == 0 || owner == geteuid().as_raw();
    let place = place.display();
    (!is_ours)
        .then(|| format!("{place} belongs to user {owner}: only root may name what root runs"))
}

fn link_target(link: &Path) -> Option<PathBuf> {
    Some(link.parent()?.join(link.read_link().ok()?))
}

fn shown(folder: &Path, place: &Path) -> String {
    format!("{} (in {})", place.display(), folder.display())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder with `inner/program`, all of it its owner's alone.
    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let program = inner.join("program");
        fs::create_dir(&inner).unwrap();
        fs::write(&program, "").unwrap();
        set_mode(&inner, 0o755);
        set_mode(&program, 0o755);
        (folder, inner, program)
    }

    #[test]
    fn each_folder_on_the_way_counts() {
        let (folder, inner, program) = place();
        assert_eq!(in_foreign_hands(&program), None);
        // As Debian's /usr/local was, with its group staff.
        for mode in [0o2775, 0o757, 0o777] {
            set_mode(&inner, mode);
            let why = in_foreign_hands(&program).expect("a reason");
            assert!(why.contains("inner can be written by others"), "{why}");
        }
        set_mode(&inner, 0o755);
        set_mode(folder.path(), 0o775);
        assert!(in_foreign_hands(&program).is_some(), "the folder above");
        set_mode(folder.path(), 0o700);
        set_mode(&program, 0o775);
        assert!(in_foreign_hands(&program).is_some(), "itself");
    }

    #[test]
    fn in_a_common_folder_only_ones_own_files_are_safe() {
        let (_folder, inner, program) = place();
        set_mode(&inner, 0o1777);
        assert_eq!(in_foreign_hands(&program), None);
        let why = in_foreign_hands(&inner.join("other")).expect("a reason");
        assert!(why.contains("can be made by anybody"), "{why}");
        assert!(in_foreign_hands(&inner).is_some(), "as a folder of files");
    }

    #[test]
    fn links_are_followed_step_by_step() {
        let (folder, inner, program) = place();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        symlink("inner", &first).unwrap();
        symlink("first/program", &second).unwrap();
        assert_eq!(in_foreign_hands(&second), None);
        set_mode(&inner, 0o777);
        assert!(in_foreign_hands(&second).is_some(), "where it leads");
        set_mode(&inner, 0o755);
        // The link itself, in a folder of others, to a file of root.
        let link = inner.join("link");
        symlink(&program, &link).unwrap();
        set_mode(&inner, 0o755);
        assert_eq!(in_foreign_hands(&link), None);
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        set_mode(&open, 0o777);
        symlink(&program, open.join("link")).unwrap();
        assert!(in_foreign_hands(&open.join("link")).is_some(), "where the link lies");
        symlink("loop", folder.path().join("loop")).unwrap();
        assert!(in_foreign_hands(&folder.path().join("loop")).is_some(), "a loop");
    }

    #[test]
    fn what_belongs_to_another_is_theirs() {
        if !geteuid().is_root() {
            return;
        }
        let (_folder, inner, program) = place();
        lchown(&inner, Some(65534), None).unwrap();
        let why = in_foreign_hands(&program).expect("a reason");
        assert!(why.contains("inner belongs to user 65534"), "{why}");
        lchown(&inner, Some(0), None).unwrap();
        let link = inner.join("link");
        symlink("program", &link).unwrap();
        lchown(&link, Some(65534), None).unwrap();
        assert!(in_foreign_hands(&link).expect("a reason").contains("link belongs to user 65534"));
    }

    #[test]
    fn what_is_not_there_and_what_is_no_file_nobody_can_change() {
        assert_eq!(in_foreign_hands(Path::new("/no/such/file")), None);
        assert_eq!(in_foreign_hands(Path::new("/dev/null")), None);
    }
}
