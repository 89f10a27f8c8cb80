//! Where sockets and the configuration lie, by who runs the daemon. Touches no file.

use std::path::{Path, PathBuf};

use nodedev_server::Mode;

use crate::settings::{Sockets, SourcesDir, Varlink};

const CONFIG: &str = "nodedev/nodedevd.conf";
const SOURCES: &str = "sources.d";
const VARLINK: &str = "io.nodedev.NodeDevice";

/// Who runs the daemon, with the folders that the environment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Root: for the whole host.
    Root,
    /// A user: for this user.
    User {
        /// `XDG_RUNTIME_DIR`.
        runtime: Option<PathBuf>,
        /// `XDG_CONFIG_HOME`.
        config: Option<PathBuf>,
        /// `XDG_CACHE_HOME`.
        cache: Option<PathBuf>,
        home: Option<PathBuf>,
    },
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) rw: PathBuf,
    /// A user has none: clients use the other and say that they only read.
    pub(crate) ro: Option<PathBuf>,
    pub(crate) varlink: Option<PathBuf>,
}

/// Whether it is no path but a name in the abstract name space, where nothing has permissions.
pub(crate) fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"@")
}

impl Owner {
    pub(crate) fn of_this_process() -> Self {
        if nix::unistd::geteuid().is_root() {
            return Self::Root;
        }
        let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        Self::User {
            runtime: folder("XDG_RUNTIME_DIR"),
            config: folder("XDG_CONFIG_HOME"),
            cache: folder("XDG_CACHE_HOME"),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
        }
    }

    pub(crate) fn is_root(&self) -> bool {
        *self == Self::Root
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.is_root() { Mode::System } else { Mode::Session }
    }

    /// Permissions of a folder that has to be made for sockets.
    pub(crate) fn folder_mode(&self) -> u32 {
        if self.is_root() { 0o755 } else { 0o700 }
    }

    /// The configuration file that is read where there is one.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        match self {
            Self::Root => Some(Path::new("/etc").join(CONFIG)),
            Self::User { config: Some(config), .. } => Some(config.join(CONFIG)),
            Self::User { home, .. } => home.as_ref().map(|home| home.join(".config").join(CONFIG)),
        }
    }

    /// The folder of files that name programs to be run as sources, which need not be there.
    pub(crate) fn sources(&self, wanted: &SourcesDir) -> Option<PathBuf> {
        match wanted {
            SourcesDir::At(folder) => Some(folder.clone()),
            SourcesDir::Nowhere => None,
            SourcesDir::Usual => self.config().map(|config| config.with_file_name(SOURCES)),
        }
    }

    /// The folder that libvirt's daemons and ours have folders in.
    fn runtime(&self) -> Option<PathBuf> {
        match self {
            Self::Root => Some("/run".into()),
            Self::User { runtime: Some(runtime), .. } => Some(runtime.clone()),
            // Where libvirt's clients look without the variable.
            Self::User { cache: Some(cache), .. } => Some(cache.clone()),
            Self::User { home, .. } => home.as_ref().map(|home| home.join(".cache")),
        }
    }

    /// Where to listen. `folder` is that of the command line and holds every socket; that of the
    /// configuration holds only those with libvirt's names.
    ///
    /// # Errors
    ///
    /// For a user of whom neither `XDG_RUNTIME_DIR` nor a home is known.
    pub(crate) fn places(
        &self,
        folder: Option<&Path>,
        sockets: &Sockets,
    ) -> anyhow::Result<Places> {
        let runtime = || {
            let unknown = "neither XDG_RUNTIME_DIR nor HOME is set; say --socket-dir DIR";
            self.runtime().ok_or_else(|| anyhow::anyhow!(unknown))
        };
        let varlink = match (&sockets.varlink, folder) {
            (Varlink::Nowhere, _) => None,
            (Varlink::At(path), _) => Some(path.clone()),
            // Varlink's clients know no abstract sockets of libvirt's kind.
            (Varlink::Usual, Some(folder)) if is_abstract(folder) => None,
            (Varlink::Usual, Some(folder)) => Some(folder.join(VARLINK)),
            (Varlink::Usual, None) => Some(runtime()?.join("nodedev").join(VARLINK)),
        };
        let own = || match &sockets.folder {
            Some(folder) => Ok(folder.clone()),
            None => runtime().map(|runtime| runtime.join("libvirt")),
        };
        let libvirt = folder.map_or_else(own, |folder| Ok(folder.to_owned()))?;
        let ro = self.is_root().then(|| libvirt.join("virtnodedevd-sock-ro"));
        Ok(Places { rw: libvirt.join("virtnodedevd-sock"), ro, varlink })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(runtime: Option<&str>, home: Option<&str>) -> Owner {
        Owner::User {
            runtime: runtime.map(PathBuf::from),
            config: None,
            cache: None,
            home: home.map(PathBuf::from),
        }
    }

    fn places(owner: &Owner, folder: Option<&str>, sockets: &Sockets) -> Vec<String> {
        let places = owner.places(folder.map(Path::new), sockets).unwrap();
        let all = [Some(places.rw), places.ro, places.varlink];
        all.iter().flatten().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn every_owner_has_sockets_where_clients_look() {
        let usual = Sockets::default();
        assert_eq!(
            places(&Owner::Root, None, &usual),
            [
                "/run/libvirt/virtnodedevd-sock",
                "/run/libvirt/virtnodedevd-sock-ro",
                "/run/nodedev/io.nodedev.NodeDevice"
            ]
        );
        let with_runtime = user(Some("/run/user/7"), Some("/h"));
        assert_eq!(
            places(&with_runtime, None, &usual),
            ["/run/user/7/libvirt/virtnodedevd-sock", "/run/user/7/nodedev/io.nodedev.NodeDevice"]
        );
        let without = user(None, Some("/h"));
        assert_eq!(places(&without, None, &usual)[0], "/h/.cache/libvirt/virtnodedevd-sock");
        let cache = Some("/c".into());
        let with_cache = Owner::User { runtime: None, config: None, cache, home: None };
        assert_eq!(places(&with_cache, None, &usual)[0], "/c/libvirt/virtnodedevd-sock");
        assert!(user(None, None).places(None, &usual).is_err());
        assert_eq!(places(&user(None, None), Some("/d"), &usual).len(), 2);
    }

    #[test]
    fn the_folder_of_the_command_line_holds_all_that_of_the_file_libvirts() {
        let mut sockets = Sockets { folder: Some("/f".into()), ..Sockets::default() };
        let own = places(&Owner::Root, None, &sockets);
        assert_eq!(own[0], "/f/virtnodedevd-sock");
        assert_eq!(own[2], "/run/nodedev/io.nodedev.NodeDevice");
        assert_eq!(
            places(&Owner::Root, Some("/d"), &sockets)[1..],
            ["/d/virtnodedevd-sock-ro", "/d/io.nodedev.NodeDevice"]
        );
        sockets.varlink = Varlink::Nowhere;
        assert_eq!(places(&Owner::Root, Some("/d"), &sockets).len(), 2);
        sockets.varlink = Varlink::At("/v".into());
        assert_eq!(places(&Owner::Root, Some("/d"), &sockets)[2], "/v");
    }

    #[test]
    fn a_user_has_a_configuration_of_their_own() {
        assert_eq!(Owner::Root.config(), Some("/etc/nodedev/nodedevd.conf".into()));
        let home = user(None, Some("/h"));
        assert_eq!(home.config(), Some("/h/.config/nodedev/nodedevd.conf".into()));
        assert_eq!(user(None, None).config(), None);
    }

    #[test]
    fn programs_are_named_beside_the_configuration_unless_it_is_said_where() {
        let sources = |owner: &Owner, wanted| owner.sources(&wanted);
        let home = user(None, Some("/h"));
        assert_eq!(sources(&Owner::Root, SourcesDir::Usual), Some("/etc/nodedev/sources.d".into()));
        assert_eq!(sources(&home, SourcesDir::Usual), Some("/h/.config/nodedev/sources.d".into()));
        assert_eq!(sources(&home, SourcesDir::At("/s".into())), Some("/s".into()));
        assert_eq!(sources(&Owner::Root, SourcesDir::Nowhere), None);
    }
}
