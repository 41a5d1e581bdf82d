//! What one gateway was given, one bundle after the other, and what leads from each to the newest.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use nexavpn_bundle::{Base, BundleError, Change, Contents, Delta, Seal, SignedBundle};

/// How many bundles back a delta may begin.
const STEPS: usize = 256;
/// How many devices and profiles the steps may name together, besides as many as the bundle has.
const NAMED: usize = 4_096;

/// The line of a gateway's bundles. All are of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Line {
    contents: Option<Arc<Contents>>,
    /// What the newest one follows, the oldest first.
    steps: VecDeque<Step>,
    named: usize,
    newest: Option<(Base, Seal)>,
}

/// From one bundle to the next.
#[derive(Debug)]
struct Step {
    from: Base,
    /// What was touched, and whether it was there before.
    devices: Vec<(String, bool)>,
    profiles: Vec<(String, bool)>,
}

impl Step {
    fn new<P>(from: Base, before: &Contents, change: &Change<P>) -> Self {
        let Change { put_devices, removed_devices, put_profiles, removed_profiles } = change;
        let put = put_devices.iter().map(|d| (d.id.clone(), before.device(&d.id).is_some()));
        let removed = removed_devices.iter().map(|id| (id.clone(), true));
        let new = put_profiles.keys().map(|name| (name.clone(), false));
        let gone = removed_profiles.iter().map(|name| (name.clone(), true));
        Self { from, devices: put.chain(removed).collect(), profiles: new.chain(gone).collect() }
    }

    fn named(&self) -> usize {
        self.devices.len() + self.profiles.len()
    }
}

impl Line {
    /// The newest bundle's contents, if they are of this epoch.
    pub(crate) fn contents(&self, epoch: i64) -> Option<Arc<Contents>> {
        self.contents.clone().filter(|contents| contents.frame().epoch == epoch)
    }

    /// Goes on to the next bundle. Without the change that led there the line begins anew.
    pub(crate) fn go_on<P>(
        &mut self,
        contents: Arc<Contents>,
        change: Option<&Change<P>>,
        signed: &SignedBundle,
    ) {
        match (change, self.newest.take(), self.contents.take()) {
            (Some(change), Some((from, _)), Some(before)) => {
                let step = Step::new(from, &before, change);
                self.named += step.named();
                self.steps.push_back(step);
                let most = NAMED + contents.devices();
                while self.steps.len() > STEPS || self.named > most {
                    let Some(gone) = self.steps.pop_front() else { break };
                    self.named -= gone.named();
                }
            }
            _ => {
                self.steps.clear();
                self.named = 0;
            }
        }
        self.contents = Some(contents);
        let (epoch, revision, sha256) = (signed.epoch, signed.revision, signed.sha256.clone());
        self.newest = Some((Base { epoch, revision, sha256 }, signed.seal()));
    }

    /// What leads from a bundle of this line to the newest one; `None` where that bundle is not
    /// known any more, or is the newest itself.
    pub(crate) fn since(&self, revision: i64) -> Option<Delta> {
        let contents = self.contents.as_ref()?;
        let first = self.steps.iter().position(|step| step.from.revision == revision)?;
        let base = self.steps.get(first)?.from.clone();
        let steps = || self.steps.iter().skip(first);
        // Whether something was there in the beginning is told by the first step that names it.
        let beginning = |named: &mut dyn Iterator<Item = &(String, bool)>| {
            let mut there: HashMap<String, bool> = HashMap::new();
            for (name, was_there) in named {
                there.entry(name.clone()).or_insert(*was_there);
            }
            let mut there: Vec<_> = there.into_iter().collect();
            there.sort_unstable();
            there
        };
        let mut change = Change::default();
        for (id, was_there) in beginning(&mut steps().flat_map(|step| &step.devices)) {
            match contents.device(&id) {
                Some(device) => change.put_devices.push(device.clone()),
                None if was_there => change.removed_devices.push(id),
                None => {}
            }
        }
        for (name, was_there) in beginning(&mut steps().flat_map(|step| &step.profiles)) {
            match contents.profile(&name) {
                Some((profile, _)) if !was_there => {
                    change.put_profiles.insert(name, profile.clone());
                }
                None if was_there => change.removed_profiles.push(name),
                _ => {}
            }
        }
        Some(Delta::new(base, contents.frame().clone(), change))
    }

    /// The delta's HTTP body.
    pub(crate) fn body_since(&self, revision: i64) -> Result<Option<Vec<u8>>, BundleError> {
        let (Some(delta), Some((_, seal))) = (self.since(revision), &self.newest) else {
            return Ok(None);
        };
        delta.body(seal).map(Some)
    }
}
