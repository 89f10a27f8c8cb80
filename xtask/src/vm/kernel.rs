//! Debian's kernel, taken apart in a folder of the cache: the image, its modules, the headers, and
//! the sources of the drivers that Debian does not build.
//!
//! Runs apt and dpkg; installs nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::command::Command;
use crate::debian;

/// The package that depends on the current kernel.
const CURRENT: &str = "linux-image-amd64";

/// Parts of the kernel's sources that are built besides.
pub(super) const SOURCES: &[&str] = &["samples/vfio-mdev", "drivers/vdpa", "drivers/vhost"];

const DOWNLOAD: Duration = Duration::from_secs(900);
const UNPACK: Duration = Duration::from_secs(300);

/// A kernel in the cache.
#[derive(Debug)]
pub(super) struct Kernel {
    /// As `uname -r` says it, for example `6.1.0-40-amd64`.
    pub(super) version: String,
    folder: PathBuf,
}

impl Kernel {
    /// The newest one of the cache; fetched when there is none. A newer one that Debian has by now is
    /// not looked for: delete the cache to get it.
    ///
    /// # Errors
    ///
    /// When nothing can be fetched or unpacked.
    pub(super) fn provide(cache: &Path) -> Result<Self> {
        if let Some(kernel) = Self::cached(cache)? {
            return Ok(kernel);
        }
        if std::env::consts::ARCH != "x86_64" {
            bail!("the machine is an x86_64 one, and so has its host to be");
        }
        // Lists that are there may be too old to name what the mirror still has.
        Self::fetch(cache).or_else(|error| {
            eprintln!("vm: {error:#}; once more with new package lists");
            debian::update_lists()?;
            Self::fetch(cache)
        })
    }

    pub(super) fn image(&self) -> PathBuf {
        self.folder.join(format!("boot/vmlinuz-{}", self.version))
    }

    pub(super) fn modules(&self) -> PathBuf {
        self.folder.join("lib/modules").join(&self.version)
    }

    pub(super) fn source(&self, part: &str) -> PathBuf {
        self.folder.join("source").join(part)
    }

    /// What drivers are built against. Debian's headers name each other by the path where they would
    /// be installed, which is put right here.
    ///
    /// # Errors
    ///
    /// When the file that names the others cannot be written.
    pub(super) fn headers(&self) -> Result<PathBuf> {
        let sources = self.folder.join("usr/src");
        let headers = sources.join(format!("linux-headers-{}", self.version));
        let common = sources.join(common_headers(&self.version));
        let makefile = headers.join("Makefile");
        fs::write(&makefile, format!("include {}/Makefile\n", common.display()))
            .with_context(|| makefile.display().to_string())?;
        Ok(headers)
    }

    fn cached(cache: &Path) -> Result<Option<Self>> {
        let mut versions = Vec::new();
        for entry in fs::read_dir(cache)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            versions.extend(name.strip_prefix("kernel-").map(str::to_owned));
        }
        versions.sort_by_key(|version| numbers(version));
        Ok(versions.pop().map(|version| Self::new(cache, version)))
    }

    fn new(cache: &Path, version: String) -> Self {
        Self { folder: cache.join(format!("kernel-{version}")), version }
    }

    fn fetch(cache: &Path) -> Result<Self> {
        let image = dependencies(CURRENT)?
            .into_iter()
            .find(|name| name.starts_with("linux-image-"))
            .with_context(|| format!("apt knows no {CURRENT}, or not what it stands for"))?;
        let version = image.trim_start_matches("linux-image-").to_owned();
        let headers = format!("linux-headers-{version}");
        let mut packages = vec![image, headers.clone(), source_package(&version)];
        packages.extend(
            dependencies(&headers)?.into_iter().filter(|name| {
                name.starts_with("linux-kbuild-") || *name == common_headers(&version)
            }),
        );

        let staging = cache.join("kernel.new");
        let _ = fs::remove_dir_all(&staging);
        let packed = staging.join("packages");
        fs::create_dir_all(&packed)?;
        eprintln!("vm: downloading {} (once; about 220 MB)", packages.join(" "));
        Command::within(DOWNLOAD, "apt-get")
            .args(["download", "--quiet"])
            .args(&packages)
            .folder(&packed)
            .run_on_stderr()?;
        eprintln!("vm: unpacking Linux {version}");
        for entry in fs::read_dir(&packed)? {
            unpack(&entry?.path(), &staging)?;
        }
        fs::remove_dir_all(&packed)?;
        let kernel = Self::new(cache, version);
        fs::rename(&staging, &kernel.folder)?;
        Ok(kernel)
    }
}

/// Takes a package apart. Of the kernel's sources, which are an archive inside a package, only what
/// is built from.
fn unpack(package: &Path, folder: &Path) -> Result<()> {
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    let Some(source) = name.strip_prefix("linux-source-") else {
        return Command::within(UNPACK, "dpkg")
            .args(["--extract".as_ref(), package.as_os_str(), folder.as_os_str()])
            .run_quietly();
    };
    let version = source.split('_').next().unwrap_or(source);
    let target = folder.join("source");
    fs::create_dir_all(&target)?;
    let pipe = "dpkg-deb --fsys-tarfile \"$0\" | tar -xO \"./usr/src/linux-source-$1.tar.xz\" |
        tar -xJ --strip-components=1 -C \"$2\" $3";
    let parts: Vec<_> =
        SOURCES.iter().map(|part| format!("linux-source-{version}/{part}")).collect();
    Command::within(UNPACK, "sh")
        .args(["-c", pipe])
        .args([package])
        .args([version])
        .args([&target])
        .args([parts.join(" ")])
        .run_quietly()
        .context("unpacking the kernel's sources")
}

/// What a package depends on, without alternatives.
fn dependencies(package: &str) -> Result<Vec<String>> {
    let printed = Command::new("apt-cache").args(["depends", package]).output()?;
    Ok(depends(&printed).map(str::to_owned).collect())
}

fn depends(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().filter_map(|line| line.trim().strip_prefix("Depends: "))
}

/// `6.1.0-40-amd64` is built from `linux-source-6.1`.
fn source_package(version: &str) -> String {
    let series: Vec<_> = version.split(['.', '-']).take(2).collect();
    format!("linux-source-{}", series.join("."))
}

fn common_headers(version: &str) -> String {
    format!("linux-headers-{}-common", version.trim_end_matches("-amd64"))
}

/// Its numbers, so that 6.10 comes after 6.9.
fn numbers(version: &str) -> Vec<u32> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_follow_from_the_version() {
        assert_eq!(source_package("6.1.0-40-amd64"), "linux-source-6.1");
        assert_eq!(common_headers("6.1.0-40-amd64"), "linux-headers-6.1.0-40-common");
    }

    #[test]
    fn what_a_package_depends_on_is_read() {
        let printed = "linux-image-amd64\n  Depends: linux-image-6.1.0-40-amd64\n  Conflicts: x\n";
        assert_eq!(depends(printed).collect::<Vec<_>>(), ["linux-image-6.1.0-40-amd64"]);
    }

    #[test]
    fn the_newest_kernel_of_the_cache_is_taken() {
        let cache = tempfile::tempdir().unwrap();
        assert!(Kernel::cached(cache.path()).unwrap().is_none());
        for name in ["kernel-6.1.0-9-amd64", "kernel-6.1.0-10-amd64", "kernel.new", "image-x"] {
            fs::create_dir(cache.path().join(name)).unwrap();
        }
        let kernel = Kernel::cached(cache.path()).unwrap().unwrap();
        assert_eq!(kernel.version, "6.1.0-10-amd64");
        assert!(kernel.image().ends_with("kernel-6.1.0-10-amd64/boot/vmlinuz-6.1.0-10-amd64"));
    }
}
