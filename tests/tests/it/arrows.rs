//! The dependency arrows of the architecture: which crate may know which. And where tests that
//! need root have to lie.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each crate, and those of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("nexavpn-domain", &[]),
    ("nexavpn-proof", &[]),
    ("nexavpn-store", &["nexavpn-domain", "nexavpn-proof"]),
    ("nexavpn-commands", &["nexavpn-domain", "nexavpn-store"]),
    ("nexavpn-projections", &["nexavpn-domain", "nexavpn-store"]),
    ("nexavpn-bundle", &[]),
    ("nexavpn-gateway-projector", &["nexavpn-bundle", "nexavpn-domain", "nexavpn-store"]),
    // Its tests also use what makes network namespaces.
    ("nexavpn-gateway", &["nexavpn-bundle", "nexavpn-netns"]),
    ("nexavpn-netns", &[]),
    (
        "nexavpn-api",
        &[
            "nexavpn-bundle",
            "nexavpn-commands",
            "nexavpn-domain",
            "nexavpn-gateway",
            "nexavpn-gateway-projector",
            "nexavpn-projections",
            "nexavpn-proof",
            "nexavpn-store",
        ],
    ),
    (
        "nexavpn-tests",
        &[
            "nexavpn-api",
            "nexavpn-bundle",
            "nexavpn-commands",
            "nexavpn-domain",
            "nexavpn-gateway",
            "nexavpn-gateway-projector",
            "nexavpn-netns",
            "nexavpn-projections",
            "nexavpn-proof",
            "nexavpn-store",
        ],
    ),
];

/// What would bring I/O, a clock or randomness into the domain.
const IMPURE: &[&str] = &["axum", "nix", "rand", "reqwest", "sqlx", "tokio", "postgres-es"];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// Dependencies by name; those for tests only when asked for.
fn dependencies(package: &Value, for_tests: bool) -> BTreeSet<&str> {
    let all = package["dependencies"].as_array().unwrap();
    all.iter()
        .filter(|dependency| for_tests || dependency["kind"] != "dev")
        .map(|dependency| dependency["name"].as_str().unwrap())
        .collect()
}

#[test]
fn no_crate_knows_one_that_it_may_not() {
    let packages = packages();
    assert_eq!(packages.len(), ARROWS.len(), "a crate is missing from the table of arrows");
    for (name, allowed) in ARROWS {
        let package = packages.iter().find(|package| package["name"] == *name);
        let package = package.unwrap_or_else(|| panic!("{name} is not in the workspace"));
        let forbidden: Vec<&str> = dependencies(package, true)
            .into_iter()
            .filter(|dependency| {
                dependency.starts_with("nexavpn-") && !allowed.contains(dependency)
            })
            .collect();
        assert!(forbidden.is_empty(), "{name} may not depend on {forbidden:?}");
    }
}

#[test]
fn what_ships_knows_nothing_of_tests() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if name != "nexavpn-tests" {
            assert!(!dependencies(&package, false).contains("nexavpn-netns"), "{name}");
        }
    }
}

/// `./test` runs what needs root through sudo and knows it by its place.
#[test]
fn tests_with_network_namespaces_are_where_they_are_looked_for() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut unread = vec![scenarios.clone()];
    while let Some(path) = unread.pop() {
        let place = path.strip_prefix(&scenarios).unwrap();
        if ["netns", "access_nft", "access_nft.rs", "arrows.rs"]
            .iter()
            .any(|p| place.starts_with(p))
        {
            continue;
        }
        if path.is_dir() {
            unread.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let needs_root = text.contains("nexavpn_netns") || text.contains("demo::run");
            assert!(!needs_root, "{} belongs in netns/", place.display());
        }
    }
}

#[test]
fn the_domain_and_the_bundle_are_pure() {
    for package in packages() {
        if package["name"] == "nexavpn-domain" || package["name"] == "nexavpn-bundle" {
            let used = dependencies(&package, false);
            let impure: Vec<_> = IMPURE.iter().filter(|name| used.contains(*name)).collect();
            assert!(impure.is_empty(), "{} depends on {impure:?}", package["name"]);
        }
    }
}
