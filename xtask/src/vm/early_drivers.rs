//! Which kernel modules are loaded before the root file system is there, and in which order.
//!
//! Pure: reads the texts that depmod wrote.

/// What reaching the host's files takes.
pub(super) const NEEDED: &[&str] =
    &["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];

/// The files of these modules and of all that they depend on, each after what it depends on, as
/// `modules.dep` names them. What is built into the kernel is left out.
///
/// # Errors
///
/// Names a module that the kernel does not have.
pub(super) fn in_order<'a>(
    modules_dep: &'a str,
    modules_builtin: &str,
    needed: &[&str],
) -> Result<Vec<&'a str>, String> {
    let mut order = Vec::new();
    for name in needed {
        let line = modules_dep.lines().find_map(|line| {
            let (file, dependencies) = line.split_once(':')?;
            (module(file) == *name).then_some((file, dependencies))
        });
        let Some((file, dependencies)) = line else {
            if modules_builtin.lines().any(|file| module(file) == *name) {
                continue;
            }
            return Err(format!("this kernel has no module `{name}`"));
        };
        // The nearest dependency stands first.
        for file in dependencies.split_whitespace().rev().chain([file]) {
            if !order.contains(&file) {
                order.push(file);
            }
        }
    }
    Ok(order)
}

/// `kernel/net/9p/9pnet-virtio.ko` is `9pnet_virtio`.
fn module(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split(".ko").next().unwrap_or(name).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "\
kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs/netfs.ko
kernel/net/9p/9pnet.ko:
kernel/fs/netfs/netfs.ko:
kernel/net/9p/9pnet-virtio.ko: kernel/net/9p/9pnet.ko
";

    #[test]
    fn what_is_depended_on_comes_first_and_once() {
        let order = in_order(DEP, "", &["9pnet_virtio", "9p"]).unwrap();
        let names: Vec<_> = order.into_iter().map(module).collect();
        assert_eq!(names, ["9pnet", "9pnet_virtio", "netfs", "9p"]);
    }

    #[test]
    fn what_is_built_in_is_not_loaded_and_what_is_absent_is_named() {
        let builtin = "kernel/fs/overlayfs/overlay.ko\n";
        assert_eq!(in_order(DEP, builtin, &["overlay"]), Ok(vec![]));
        let error = in_order(DEP, builtin, &["virtio_pci"]).unwrap_err();
        assert_eq!(error, "this kernel has no module `virtio_pci`");
    }
}
