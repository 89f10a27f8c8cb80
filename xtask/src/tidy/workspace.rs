//! The packages of the workspace as `cargo metadata` tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::Command;

/// What the rules want to know of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// In the order of their names.
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the checkout, with `/`.
    pub(crate) folder: String,
    pub(crate) description: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) license: Option<String>,
    /// Whether a registry would take it.
    pub(crate) published: bool,
    /// Direct dependencies by name: those it is built with, and those of its tests.
    pub(crate) normal: BTreeSet<String>,
    pub(crate) dev: BTreeSet<String>,
    /// Everything that it is built with, through any number of packages.
    pub(crate) reached: BTreeSet<String>,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When cargo fails or says something unexpected.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let platform = format!("--filter-platform={}", host()?);
        let metadata = ["metadata", "--format-version=1", "--all-features", &platform];
        let text = Command::cargo(root).args(metadata).output()?;
        Self::parse(&serde_json::from_str(&text)?)
    }

    /// Reads cargo's answer.
    ///
    /// # Errors
    ///
    /// When something that cargo always says is missing; names it.
    pub(crate) fn parse(metadata: &Value) -> Result<Self> {
        let root = text(metadata, "workspace_root")?;
        let members: BTreeSet<_> =
            list(metadata, "workspace_members")?.iter().filter_map(Value::as_str).collect();
        let graph = Graph::parse(metadata)?;
        let mut packages = Vec::new();
        for package in list(metadata, "packages")? {
            let id = text(package, "id")?;
            if members.contains(id) {
                let reached = graph.reached(id);
                packages.push(Package::parse(package, root, reached)?);
            }
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { packages })
    }

    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.packages.iter().map(|package| package.name.as_str()).collect()
    }
}

impl Package {
    fn parse(package: &Value, root: &str, reached: BTreeSet<String>) -> Result<Self> {
        let (mut normal, mut dev) = (BTreeSet::new(), BTreeSet::new());
        for dependency in list(package, "dependencies")? {
            let name = text(dependency, "name")?.to_owned();
            match dependency["kind"].as_str() {
                Some("dev") => dev.insert(name),
                _ => normal.insert(name),
            };
        }
        let manifest = text(package, "manifest_path")?;
        let folder = Path::new(manifest).parent().and_then(|folder| folder.strip_prefix(root).ok());
        let optional = |key: &str| package[key].as_str().map(str::to_owned);
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            folder: folder
                .context("a member outside the workspace")?
                .to_string_lossy()
                .into_owned(),
            description: optional("description"),
            readme: optional("readme"),
            license: optional("license"),
            // `publish = false` is an empty list of registries.
            published: package["publish"].is_null(),
            normal,
            dev,
            reached,
        })
    }
}

/// Who is built with whom, by cargo's package ids.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    edges: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn parse(metadata: &'a Value) -> Result<Self> {
        let (mut names, mut edges) = (BTreeMap::new(), BTreeMap::new());
        for package in list(metadata, "packages")? {
            names.insert(text(package, "id")?, text(package, "name")?);
        }
        for node in list(&metadata["resolve"], "nodes")? {
            let mut targets = Vec::new();
            for dependency in list(node, "deps")? {
                let kinds = list(dependency, "dep_kinds")?;
                if kinds.iter().any(|kind| kind["kind"].as_str() != Some("dev")) {
                    targets.push(text(dependency, "pkg")?);
                }
            }
            edges.insert(text(node, "id")?, targets);
        }
        Ok(Self { names, edges })
    }

    fn reached(&self, from: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            for &target in self.edges.get(id).into_iter().flatten() {
                if seen.insert(target) {
                    open.push(target);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.names.get(id)).map(ToString::to_string).collect()
    }
}

fn host() -> Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(program).args(["-vV"]).output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not tell its host")
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo's metadata: no text `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("cargo's metadata: no list `{key}`"))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A package of cargo's metadata, with dependencies as `NAME` or `dev:NAME`.
    pub(crate) fn package(name: &str, dependencies: &[&str]) -> Value {
        let dependencies: Vec<_> = dependencies
            .iter()
            .map(|name| match name.strip_prefix("dev:") {
                Some(name) => json!({"name": name, "kind": "dev"}),
                None => json!({"name": name, "kind": null}),
            })
            .collect();
        json!({
            "name": name, "id": name, "manifest_path": format!("/w/crates/{name}/Cargo.toml"),
            "description": "text", "readme": "README.md", "license": "MIT", "publish": null,
            "dependencies": dependencies,
        })
    }

    /// Metadata in which these packages are the members.
    pub(crate) fn workspace(members: &[Value], others: &[Value]) -> Workspace {
        let ids = |packages: &[Value]| packages.iter().map(|p| p["id"].clone()).collect::<Vec<_>>();
        let packages = [members, others].concat();
        let nodes: Vec<_> = packages
            .iter()
            .map(|package| {
                let deps: Vec<_> = package["dependencies"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|d| json!({"pkg": d["name"], "dep_kinds": [{"kind": d["kind"]}]}))
                    .collect();
                json!({"id": package["id"], "deps": deps})
            })
            .collect();
        Workspace::parse(&json!({
            "workspace_root": "/w", "workspace_members": ids(members),
            "packages": packages, "resolve": {"nodes": nodes},
        }))
        .unwrap()
    }

    #[test]
    fn dependencies_are_followed_except_those_of_tests() {
        let members = [package("a", &["b", "dev:c"]), package("b", &["d"])];
        let others = [package("c", &[]), package("d", &["dev:c"])];
        let workspace = workspace(&members, &others);
        let [a, b] = &workspace.packages[..] else {
            panic!("two members: {workspace:?}");
        };
        assert_eq!(a.folder, "crates/a");
        assert_eq!(a.normal, BTreeSet::from(["b".to_owned()]));
        assert_eq!(a.dev, BTreeSet::from(["c".to_owned()]));
        assert_eq!(a.reached, BTreeSet::from(["b".to_owned(), "d".to_owned()]));
        assert_eq!(b.reached, BTreeSet::from(["d".to_owned()]));
    }

    #[test]
    fn metadata_without_packages_is_refused() {
        let metadata = json!({"workspace_root": "/w", "workspace_members": []});
        let error = Workspace::parse(&metadata).unwrap_err().to_string();
        assert!(error.starts_with("cargo's metadata: no list"), "{error}");
    }
}
