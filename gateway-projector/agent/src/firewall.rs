//! The node's firewall. It remembers what it loaded, so that a change costs
//! what it touches; whenever that memory may be wrong it is dropped, and the
//! next load starts from nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::mem;
use std::time::Duration;

use nexavpn_bundle::{Nat, Payload, Profile};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::command::{self, CommandError, Input};
use crate::desired::DeviceMaps;
use crate::listing::{Listing, has_table, list, list_maps};
use crate::netfilter::batch::Batch;
use crate::netfilter::changes;
use crate::netfilter::exchange::{Committed, Exchange};
use crate::nft::{self, NftNames};

/// Reading the maps back takes some 0.15 s at 10,000 devices, too much directly
/// after each of many changes; but this late it is done all the same.
const MAPS_READ_WITHIN: Duration = Duration::from_secs(60);

/// The firewall backends.
#[derive(Debug)]
pub enum Firewall {
    /// nftables, by netlink for what changes often, through `nft` for the rest.
    Nftables(Nftables),
}

impl Firewall {
    /// The deny base, before an interface comes up. A payload that was in
    /// force before the agent's restart keeps its maps; without one they are
    /// emptied.
    ///
    /// # Errors
    /// [`CommandError`] if the backend refuses.
    pub async fn load_base(
        &mut self,
        interface: &str,
        payload: Option<&Payload>,
    ) -> Result<(), CommandError> {
        match self {
            Self::Nftables(nftables) => nftables.load_base(interface, payload).await,
        }
    }

    /// Steps 1 and 2: the missing profiles, then who may reach what.
    ///
    /// # Errors
    /// [`CommandError`] if the backend refuses.
    pub async fn apply(
        &mut self,
        interface: &str,
        payload: &Payload,
        maps: &DeviceMaps,
    ) -> Result<(), CommandError> {
        match self {
            Self::Nftables(nftables) => nftables.apply(interface, payload, maps).await,
        }
    }

    /// Removes the profiles that `payload` does not have.
    ///
    /// # Errors
    /// [`CommandError`] if the backend refuses.
    pub async fn collect(&mut self, payload: &Payload) -> Result<(), CommandError> {
        match self {
            Self::Nftables(nftables) => nftables.collect(payload).await,
        }
    }

    /// Looks whether everything loaded is still there, and forgets it if not.
    pub async fn check(&mut self) -> bool {
        match self {
            Self::Nftables(nftables) => nftables.check().await,
        }
    }

    /// Whether the table is there, whoever made it.
    ///
    /// # Errors
    /// [`CommandError`] if the backend cannot say.
    pub async fn exists(&self) -> Result<bool, CommandError> {
        match self {
            Self::Nftables(nftables) => has_table(&nftables.table).await,
        }
    }

    /// Removes everything of ours.
    ///
    /// # Errors
    /// [`CommandError`] if the backend refuses.
    pub async fn remove(&mut self) -> Result<(), CommandError> {
        match self {
            Self::Nftables(nftables) => nftables.remove().await,
        }
    }
}

/// The nftables backend.
#[derive(Debug)]
pub struct Nftables {
    table: String,
    /// Stays locked while `nft` works, also where the agent is killed before it.
    lock: Option<File>,
    netlink: Exchange,
    loaded: Option<Loaded>,
}

/// What the table holds.
#[derive(Debug)]
struct Loaded {
    /// The script of the hooks, which says whether they change.
    base: String,
    nat: Nat,
    maps: DeviceMaps,
    /// Profiles by name with their sets, also those not collected yet.
    profiles: BTreeMap<String, Vec<String>>,
    /// How many rules each chain has.
    rules: BTreeMap<String, usize>,
    /// Whether it was loaded or changed since the last look.
    fresh: bool,
    /// When the maps were last known to be as loaded.
    maps_read: Instant,
}

impl Nftables {
    /// The backend over the table `table`, of which nothing is known yet.
    #[must_use]
    pub fn new(table: String) -> Self {
        Self { table, lock: None, netlink: Exchange::default(), loaded: None }
    }

    /// The same, with the lock of the state directory.
    #[must_use]
    pub fn locked_by(self, lock: File) -> Self {
        Self { lock: Some(lock), ..self }
    }

    fn names(&self, interface: &str) -> NftNames {
        NftNames { table: self.table.clone(), interface: interface.to_owned() }
    }

    async fn load_base(
        &mut self,
        interface: &str,
        payload: Option<&Payload>,
    ) -> Result<(), CommandError> {
        let names = self.names(interface);
        self.loaded = None;
        let mut script = nft::base(&names, payload);
        if payload.is_none() {
            script += &nft::empty_maps(&names);
        }
        self.load(&script).await
    }

    async fn apply(
        &mut self,
        interface: &str,
        payload: &Payload,
        maps: &DeviceMaps,
    ) -> Result<(), CommandError> {
        let names = self.names(interface);
        if let Some(loaded) = self.loaded.take() {
            match self.change(&names, loaded, payload, maps).await {
                Ok(loaded) => {
                    self.loaded = Some(loaded);
                    return Ok(());
                }
                // Somebody else was at the table: start from nothing.
                Err(error) => warn!(%error, "firewall change refused, loading all of it"),
            }
        }
        self.loaded = Some(self.load_all(&names, payload, maps).await?);
        Ok(())
    }

    async fn collect(&mut self, payload: &Payload) -> Result<(), CommandError> {
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let names = NftNames { table: self.table.clone(), interface: String::new() };
        let unused: Vec<(String, Vec<String>)> = loaded
            .profiles
            .iter()
            .filter(|(name, _)| !payload.profiles.contains_key(*name))
            .map(|(name, sets)| (name.clone(), sets.clone()))
            .collect();
        if unused.is_empty() {
            return Ok(());
        }
        let batch =
            changes::remove_profiles(&self.table, unused.iter().map(|(name, sets)| (name, sets)));
        let remove = |(name, sets): &(String, Vec<String>)| nft::remove_profile(&names, name, sets);
        self.bring(Some(batch), || unused.iter().map(remove).collect()).await?;
        if let Some(loaded) = &mut self.loaded {
            for (name, _) in unused {
                loaded.profiles.remove(&name);
                loaded.rules.remove(&name);
            }
        }
        Ok(())
    }

    async fn check(&mut self) -> bool {
        let Some(loaded) = &mut self.loaded else { return false };
        let intact = loaded.is_intact(&self.table).await.unwrap_or_else(|error| {
            warn!(%error, table = self.table, "cannot list the firewall's table");
            false
        });
        if !intact {
            warn!(table = self.table, "the firewall was changed by somebody else, repairing");
            self.loaded = None;
        }
        intact
    }

    async fn remove(&mut self) -> Result<(), CommandError> {
        self.loaded = None;
        // `add` first, so that removing what is not there is no error.
        self.load(&format!("add table inet {0}\ndelete table inet {0}\n", self.table)).await
    }

    /// Changes only what differs. Step 1 adds profiles that nothing refers to yet;
    /// step 2 is the only one that changes who may reach what. They are two
    /// transactions, because the kernel shows what is in a set of ranges a moment
    /// after the rest of a transaction: packets of devices that go to a profile
    /// that came with the same one are lost.
    async fn change(
        &mut self,
        names: &NftNames,
        mut loaded: Loaded,
        payload: &Payload,
        maps: &DeviceMaps,
    ) -> Result<Loaded, CommandError> {
        let missing: BTreeMap<&String, &Profile> = payload
            .profiles
            .iter()
            .filter(|(name, _)| !loaded.profiles.contains_key(*name))
            .collect();
        let missing_ones: Vec<_> = missing.iter().map(|(name, one)| (*name, *one)).collect();
        self.add_profiles(names, &missing_ones, &mut loaded.rules).await?;
        for (name, profile) in missing {
            loaded.profiles.insert(name.clone(), nft::set_names(name, profile));
        }

        let mut script = String::new();
        let base = nft::base(names, Some(payload));
        if base != loaded.base {
            script += &base;
            loaded.base = base;
        }
        if payload.nat != loaded.nat {
            script += &nft::nat(names, &payload.nat, loaded.rules.contains_key(nft::NAT));
            loaded.nat = payload.nat.clone();
        }
        count_rules(&mut loaded.rules, &script);
        let maps_script = || nft::change_maps(names, &loaded.maps, maps);
        if script.is_empty() {
            let batch = changes::change_maps(&names.table, &loaded.maps, maps);
            self.bring(Some(batch), maps_script).await?;
        } else {
            self.load(&(script + &maps_script())).await?;
        }
        loaded.maps.become_equal_to(maps);
        loaded.fresh = true;
        Ok(loaded)
    }

    /// First load and repair: whatever is there under our names is replaced.
    async fn load_all(
        &mut self,
        names: &NftNames,
        payload: &Payload,
        maps: &DeviceMaps,
    ) -> Result<Loaded, CommandError> {
        let mut rules = BTreeMap::new();
        self.load(&nft::declare(names)).await?;
        // Before it is filled, since listing what has no elements takes no time.
        let found = list(&names.table).await?;
        let profiles: Vec<_> = payload.profiles.iter().collect();
        self.add_profiles(names, &profiles, &mut rules).await?;
        let base = nft::base(names, Some(payload));
        let nat = nft::nat(names, &payload.nat, found.rules.contains_key(nft::NAT));
        self.load(&[base.as_str(), &nat, &nft::fill_maps(names, maps)].concat()).await?;

        for script in [&base, &nat] {
            count_rules(&mut rules, script);
        }
        let mut known: BTreeMap<String, Vec<String>> = payload
            .profiles
            .iter()
            .map(|(name, profile)| (name.clone(), nft::set_names(name, profile)))
            .collect();
        // Left over from an earlier run: known, so that they are collected.
        for (chain, count) in found.rules.iter().filter(|(chain, _)| chain.starts_with("p_")) {
            let prefix = format!("{chain}_");
            let sets = known.entry(chain.clone()).or_default();
            // Also of a profile in use, which may have had other rules.
            let left: Vec<String> = found
                .sets
                .iter()
                .filter(|set| set.starts_with(&prefix) && !sets.contains(*set))
                .cloned()
                .collect();
            sets.extend(left);
            rules.entry(chain.clone()).or_insert(*count);
        }
        let (table, devices) = (&names.table, maps.v4.len());
        info!(table, profiles = known.len(), devices, "firewall loaded");
        Ok(Loaded {
            base,
            nat: payload.nat.clone(),
            maps: maps.clone(),
            profiles: known,
            rules,
            fresh: true,
            maps_read: Instant::now(),
        })
    }

    /// Step 1: adds profiles, replacing what may be there under their names, each as
    /// a whole, and as many at once as a socket takes. Counts their rules.
    async fn add_profiles(
        &mut self,
        names: &NftNames,
        mut profiles: &[(&String, &Profile)],
        rules: &mut BTreeMap<String, usize>,
    ) -> Result<(), CommandError> {
        while !profiles.is_empty() {
            let (batch, taken) = changes::profiles(&names.table, profiles);
            let (at_once, rest) = profiles.split_at(taken);
            let script = nft::profiles(names, at_once.iter().copied());
            self.bring(batch, || script.clone()).await?;
            count_rules(rules, &script);
            profiles = rest;
        }
        Ok(())
    }

    /// Brings a change into force by netlink; by `nft` and the script of the same change
    /// where it cannot be a batch, is too long for one, or failed. One that was made all the
    /// same, and whose answer was lost, `nft` makes again or refuses.
    async fn bring(
        &mut self,
        batch: Option<Batch>,
        script: impl Fn() -> String,
    ) -> Result<(), CommandError> {
        match batch.map(|batch| self.netlink.commit(batch)) {
            Some(Ok(Committed::Whole)) => return Ok(()),
            Some(Err(error)) => {
                warn!(%error, table = self.table, "firewall change refused, trying nft");
            }
            Some(Ok(Committed::TooLong)) | None => {}
        }
        self.load(&script()).await
    }

    async fn load(&self, script: &str) -> Result<(), CommandError> {
        let input = Input { text: script, lock: self.lock.as_ref() };
        command::run("nft", &["-f", "-"], Some(input)).await.map(|_| ())
    }
}

impl Loaded {
    async fn is_intact(&mut self, table: &str) -> Result<bool, CommandError> {
        if !self.matches(&list(table).await?) {
            return Ok(false);
        }
        if mem::take(&mut self.fresh) && self.maps_read.elapsed() < MAPS_READ_WITHIN {
            return Ok(true);
        }
        self.maps_read = Instant::now();
        Ok(list_maps(table).await?.as_ref() == Some(&self.maps))
    }

    fn matches(&self, found: &Listing) -> bool {
        let maps = ["dev4", "dev6"].iter().all(|map| found.maps.contains(*map));
        let sets = self.profiles.values().flatten().all(|set| found.sets.contains(set));
        maps && sets && self.rules == found.rules
    }
}

/// Sets the counts of the chains that `script` fills.
fn count_rules(rules: &mut BTreeMap<String, usize>, script: &str) {
    for line in script.lines() {
        let words: Vec<&str> = line.split(' ').take(5).collect();
        match words.as_slice() {
            ["flush", "chain", _, _, chain] => {
                rules.insert((*chain).to_owned(), 0);
            }
            ["add", "rule", _, _, chain] => {
                *rules.entry((*chain).to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_counted_per_chain_and_anew_after_a_flush() {
        let names = NftNames::default();
        let mut rules = BTreeMap::new();
        let script = nft::base(&names, None);
        count_rules(&mut rules, &script);
        count_rules(&mut rules, &script);
        let expected =
            [("by_dev", 3), ("from_dev", 4), ("to_dev", 4), ("forward", 2), ("input", 5)];
        assert_eq!(rules, expected.map(|(chain, count)| (chain.to_owned(), count)).into());
    }
}
