//! The names of devices that were named elsewhere.

use std::{collections::HashSet, net::IpAddr};

use nexavpn_domain::values::nearest_label;

/// A name for each client, given what it is called and where it is: as it is if possible, and no
/// two the same.
pub(super) fn device_names<'a>(
    clients: impl Iterator<Item = (&'a str, Option<IpAddr>)>,
) -> Vec<String> {
    let nearest: Vec<String> = clients
        .map(|(name, address)| {
            nearest_label(name).unwrap_or_else(|| match address {
                Some(address) => format!("unnamed {address}"),
                None => "unnamed".to_owned(),
            })
        })
        .collect();
    // Whoever has a name first keeps it, also where another one would come to it by a number.
    let mut taken: HashSet<String> = nearest.iter().map(|name| name.to_lowercase()).collect();
    let mut seen = HashSet::new();
    nearest
        .into_iter()
        .map(|name| {
            if seen.insert(name.to_lowercase()) {
                return name;
            }
            let free = (2..).map(|n| numbered(&name, n)).find(|n| taken.insert(n.to_lowercase()));
            free.unwrap_or(name)
        })
        .collect()
}

/// The name with a number, no longer than a name may be.
fn numbered(name: &str, n: u32) -> String {
    let number = format!(" ({n})");
    let mut kept = name.to_owned();
    while nearest_label(&format!("{kept}{number}")).is_none_or(|label| !label.ends_with(&number)) {
        if kept.pop().is_none() {
            break;
        }
    }
    format!("{}{number}", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use nexavpn_domain::values::label;
    use proptest::prelude::*;

    use super::*;

    fn names(given: &[&str]) -> Vec<String> {
        let at = Some(IpAddr::from([10, 8, 0, 7]));
        device_names(given.iter().map(|name| (*name, at)))
    }

    #[test]
    fn names_are_kept_where_they_can_be() {
        assert_eq!(names(&["phone", "Anna's laptop"]), ["phone", "Anna's laptop"]);
        assert_eq!(names(&["", "\u{7}"]), ["unnamed 10.8.0.7", "unnamed 10.8.0.7 (2)"]);
        let doubled = ["phone", "Phone", "phone (2)", "phone"];
        assert_eq!(names(&doubled), ["phone", "Phone (3)", "phone (2)", "phone (4)"]);
        let long = "x".repeat(70);
        let cut = names(&[&long, &long]);
        assert_eq!(cut, ["x".repeat(64), format!("{} (2)", "x".repeat(60))]);
    }

    proptest! {
        #[test]
        fn every_client_has_a_name_of_its_own(given in proptest::collection::vec("[aAb ]{0,3}", 0..20)) {
            let names = names(&given.iter().map(String::as_str).collect::<Vec<_>>());
            let distinct: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(distinct.len(), given.len());
            for (name, given) in names.iter().zip(&given) {
                prop_assert_eq!(label(name), Ok(name.clone()), "{}", given);
            }
        }
    }
}
