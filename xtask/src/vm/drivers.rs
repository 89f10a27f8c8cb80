//! Kernel modules that Debian does not build: the sample parents of mediated devices, vdpa, and two
//! of our own (`drivers/*.c`).

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::kernel::{Kernel, SOURCES};
use crate::command::Command;

/// By the folder that they are built in; those of [`SOURCES`] are copied there first.
const RECIPES: &[(&str, &str)] = &[
    ("Kbuild", "obj-m := vfio-mdev/ vdpa/ vhost/ nodedev/\n"),
    ("vfio-mdev/Kbuild", "obj-m := mtty.o mdpy.o mbochs.o\n"),
    ("vdpa/Kbuild", "obj-m := vdpa.o vdpa_sim/\n"),
    ("vdpa/vdpa_sim/Kbuild", "obj-m := vdpa_sim.o vdpa_sim_net.o vdpa_sim_blk.o\n"),
    ("vhost/Kbuild", "obj-m := vringh.o vhost_vdpa.o\nvhost_vdpa-y := vdpa.o\n"),
    ("nodedev/Kbuild", "obj-m := nodedev_vpd.o nodedev_mdev.o\n"),
];

const OWN: &[(&str, &str)] = &[
    ("nodedev/nodedev_vpd.c", include_str!("drivers/nodedev_vpd.c")),
    ("nodedev/nodedev_mdev.c", include_str!("drivers/nodedev_mdev.c")),
];

const LIMIT: Duration = Duration::from_secs(600);

/// All that they are made from, but for the kernel.
pub(super) fn recipe() -> String {
    RECIPES.iter().chain(OWN).flat_map(|(path, text)| [*path, "\n", *text]).collect()
}

/// Builds them in `scratch` and puts them into `updates`.
///
/// # Errors
///
/// When they cannot be built; what the compiler said is shown.
pub(super) fn build(kernel: &Kernel, scratch: &Path, updates: &Path) -> Result<()> {
    fs::create_dir_all(scratch)?;
    fs::create_dir_all(updates)?;
    for part in SOURCES {
        let copy = Command::new("cp").args(["-r".as_ref(), kernel.source(part).as_os_str()]);
        copy.args([scratch]).run_quietly()?;
    }
    fs::create_dir_all(scratch.join("nodedev"))?;
    for (path, text) in RECIPES.iter().chain(OWN) {
        fs::write(scratch.join(path), text)?;
    }
    let log = scratch.join("log");
    make(kernel, scratch, &log).inspect_err(|_| {
        eprintln!("{}", fs::read_to_string(&log).unwrap_or_default());
    })?;
    for (path, _) in RECIPES {
        let folder = scratch.join(path).with_file_name("");
        for entry in fs::read_dir(folder)? {
            let module = entry?.path();
            if module.extension().is_some_and(|extension| extension == "ko") {
                fs::copy(&module, updates.join(module.file_name().unwrap_or_default()))?;
            }
        }
    }
    Ok(())
}

fn make(kernel: &Kernel, scratch: &Path, log: &Path) -> Result<()> {
    let place = format!("M={}", scratch.display());
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Command::within(LIMIT, "make")
        .args(["--silent", &format!("--jobs={jobs}"), "-C"])
        .args([kernel.headers()?])
        .args([place.as_str(), "modules"])
        .record(&File::create(log)?)?
        .run_quietly()
        .context("building kernel modules")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_holds_every_source() {
        let recipe = recipe();
        for part in ["obj-m := mtty.o", "nodedev_vpd_init", "nodedev_mdev_init"] {
            assert!(recipe.contains(part), "{part}");
        }
    }
}
