//! What a machine boots from, made once and kept in the cache: an unpacked kernel, its modules with
//! ours among them, and the first file system.
//!
//! The cache is `target/vm`, or the folder that `NODEDEV_VM_CACHE` names; it may be deleted at any
//! time. An image is complete or not there: it is made aside and renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::kernel::Kernel;
use super::{bzimage, drivers, early_drivers, guest};
use crate::command::Command;
use crate::digest::digest;

const VARIABLE: &str = "NODEDEV_VM_CACHE";

/// Debian's static one: nothing else is there when it begins.
const BUSYBOX: &str = "/bin/busybox";

const LIMIT: Duration = Duration::from_secs(120);

/// Files of the cache.
#[derive(Debug)]
pub(crate) struct Image {
    pub(super) kernel: PathBuf,
    /// The guest's `/lib/modules/VERSION`.
    pub(super) modules: PathBuf,
    /// The part of the first file system that every run has.
    pub(super) base: PathBuf,
}

impl Image {
    /// The image of the cache, made if need be.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(crate) fn provide(cache: &Path) -> Result<Self> {
        fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
        let lock = File::create(cache.join("lock"))?;
        if lock.try_lock().is_err() {
            eprintln!("vm: another run prepares {}", cache.display());
            lock.lock()?;
        }
        let kernel = Kernel::provide(cache)?;
        let folder = cache.join(name(&kernel.version, &drivers::recipe()));
        if !folder.exists() {
            let began = Instant::now();
            eprintln!("vm: building kernel modules for Linux {}", kernel.version);
            let staging = cache.join("image.new");
            let _ = fs::remove_dir_all(&staging);
            fs::create_dir_all(&staging)?;
            build(&kernel, &staging)?;
            fs::rename(&staging, &folder)?;
            eprintln!("vm: built in {:.0} s", began.elapsed().as_secs_f64());
        }
        Ok(Self::in_folder(&folder, &kernel.version))
    }

    pub(super) fn in_folder(folder: &Path, version: &str) -> Self {
        Self {
            kernel: folder.join("vmlinux"),
            modules: folder.join("lib/modules").join(version),
            base: folder.join("base.cpio"),
        }
    }
}

/// Where images are kept.
pub(crate) fn cache(root: &Path) -> PathBuf {
    let target = || std::env::var_os("CARGO_TARGET_DIR").map(|target| root.join(target).join("vm"));
    let named = std::env::var_os(VARIABLE).map(|folder| root.join(folder));
    named.or_else(target).unwrap_or_else(|| root.join("target/vm"))
}

/// An image of another kernel or recipe has another name.
fn name(version: &str, recipe: &str) -> String {
    // Changes that no text shows get another number here.
    const MADE: &str = "1";
    format!("image-{version}-{:016x}", digest(&[version, recipe, MADE]))
}

fn build(kernel: &Kernel, staging: &Path) -> Result<()> {
    let image = Image::in_folder(staging, &kernel.version);
    unpack_kernel(&kernel.image(), staging, &image.kernel)?;

    fs::create_dir_all(staging.join("lib/modules"))?;
    // Hard links: the modules are the bulk of it.
    let link = Command::within(LIMIT, "cp").args(["-al"]).args([kernel.modules()]);
    link.args([&image.modules]).run_quietly()?;
    let scratch = staging.join("build");
    drivers::build(kernel, &scratch, &image.modules.join("updates"))?;
    fs::remove_dir_all(scratch)?;
    let depmod = Command::within(LIMIT, "depmod").args(["-b"]).args([staging]);
    depmod.args([&kernel.version]).run_quietly()?;

    fs::write(&image.base, first_files(&image.modules)?)?;
    Ok(())
}

fn unpack_kernel(packed: &Path, staging: &Path, unpacked: &Path) -> Result<()> {
    let subject = || packed.display().to_string();
    let bytes = fs::read(packed).with_context(subject)?;
    let (program, payload) =
        bzimage::payload(&bytes).map_err(|error| anyhow!(error)).with_context(subject)?;
    let file = staging.join("payload");
    fs::write(&file, payload)?;
    let unpack = Command::within(LIMIT, program).args(["-dc".as_ref(), file.as_os_str()]);
    unpack.print_to(File::create(unpacked)?).run_quietly().with_context(subject)?;
    fs::remove_file(file)?;
    Ok(())
}

fn first_files(modules: &Path) -> Result<Vec<u8>> {
    let text = |name: &str| fs::read_to_string(modules.join(name));
    let (dep, builtin) = (text("modules.dep")?, text("modules.builtin")?);
    let order = early_drivers::in_order(&dep, &builtin, early_drivers::NEEDED)
        .map_err(|error| anyhow!(error))?;
    let mut files = Vec::new();
    for path in order {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        if !name.ends_with(".ko") {
            bail!("{path}: packed modules cannot be loaded so early");
        }
        files.push((name, fs::read(modules.join(path)).with_context(|| path.to_owned())?));
    }
    let busybox = fs::read(BUSYBOX).context(BUSYBOX)?;
    Ok(guest::base(&busybox, &files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kernel_or_recipe_is_another_image() {
        let image = name("6.1.0-40-amd64", "recipe");
        assert_eq!(image, name("6.1.0-40-amd64", "recipe"));
        assert!(image.starts_with("image-6.1.0-40-amd64-"));
        assert_ne!(image, name("6.1.0-41-amd64", "recipe"));
        assert_ne!(image, name("6.1.0-40-amd64", "another"));
    }
}
