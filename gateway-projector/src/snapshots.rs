//! Folded states that are kept, so that neither a start nor a question about the past folds all
//! events.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use nexavpn_domain::{
    fleet::{Fleet, FleetImage, Witness},
    ids::DeviceId,
};
use nexavpn_store::{KeyError, Store, StoreError, WrappedKey};
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::{
    FleetAtError,
    folded::{Folded, Image},
};

/// After how many events a state is kept, in a fleet of ordinary size.
pub(crate) const EVERY: i64 = 2_500;

/// Why a state was not kept, or cannot be used. Nothing depends on it: it can be folded again.
#[derive(Debug, Error)]
pub(crate) enum SnapshotError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("it was not sealed by this installation")]
    Foreign,
    #[error("unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("compression: {0}")]
    Compression(#[from] std::io::Error),
    #[error("its making was interrupted")]
    Interrupted,
}

/// The states of one database.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    store: Store,
}

impl Snapshots {
    pub(crate) const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The newest state that is not after this event; an empty one where there is none. One that
    /// cannot be used is as good as none.
    pub(crate) async fn up_to(&self, idx: i64) -> Folded {
        let mut idx = idx;
        loop {
            match self.newest(&mut idx, Image::restore).await {
                Ok(folded) => return folded.unwrap_or_default(),
                Err(error @ (SnapshotError::Database(_) | SnapshotError::Key(_))) => {
                    tracing::warn!(%error, "no kept state of the fleet is read");
                    return Folded::default();
                }
                Err(error) => {
                    tracing::error!(%error, idx, "the kept state of the fleet is of no use");
                    idx -= 1;
                }
            }
        }
    }

    /// The event of the newest state that is not after this one; 0 where there is none, or where
    /// that cannot be told.
    pub(crate) async fn newest_up_to(&self, idx: i64) -> i64 {
        let newest = sqlx::query_scalar::<_, Option<i64>>(
            "SELECT max(s.idx) FROM fleet_snapshot s JOIN log_index i USING (idx, gen, tx, pos)
             WHERE s.fold = $1 AND s.idx <= $2",
        )
        .bind(FleetImage::FOLD)
        .bind(idx)
        .fetch_one(self.store.pool())
        .await;
        newest.ok().flatten().unwrap_or(0)
    }

    /// The event of the oldest state that is not before this one.
    pub(crate) async fn oldest_from(&self, idx: i64) -> Result<Option<i64>, StoreError> {
        let oldest = sqlx::query_scalar(
            "SELECT min(s.idx) FROM fleet_snapshot s JOIN log_index i USING (idx, gen, tx, pos)
             WHERE s.fold = $1 AND s.idx >= $2",
        )
        .bind(FleetImage::FOLD)
        .bind(idx)
        .fetch_one(self.store.pool())
        .await;
        Ok(oldest?)
    }

    /// A witness from the state on that is kept at this event; none where that is of no use.
    pub(crate) async fn witness_at(
        &self,
        idx: i64,
        devices: BTreeSet<DeviceId>,
    ) -> Option<Witness> {
        let mut found = idx;
        let witness = self.newest(&mut found, |image| image.into_facts().witness(devices)).await;
        witness.ok().flatten().filter(|_| found == idx)
    }

    /// The newest one up to this event, as what is made of it. Says which one it tried.
    async fn newest<T: Send + 'static>(
        &self,
        idx: &mut i64,
        make: impl FnOnce(Image) -> T + Send + 'static,
    ) -> Result<Option<T>, SnapshotError> {
        let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT s.idx, s.state FROM fleet_snapshot s
             JOIN log_index i USING (idx, gen, tx, pos)
             WHERE s.fold = $1 AND s.idx <= $2 ORDER BY s.idx DESC LIMIT 1",
        )
        .bind(FleetImage::FOLD)
        .bind(*idx)
        .fetch_optional(self.store.pool())
        .await?;
        let Some((found, state)) = row else { return Ok(None) };
        *idx = found;
        let key = self.store.keyring().state_key().await?;
        let open = move || open(&key, found, &state).map(make);
        let made =
            tokio::task::spawn_blocking(open).await.map_err(|_| SnapshotError::Interrupted)?;
        made.map(Some)
    }

    /// Keeps a state, unless another process has kept one since `before`. The states of earlier
    /// code go.
    async fn keep(self, image: Image, before: i64) -> Result<(), SnapshotError> {
        let idx = image.idx();
        let kept: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM fleet_snapshot
                            WHERE fold = $1 AND idx > $2 AND idx <= $3)",
        )
        .bind(FleetImage::FOLD)
        .bind(before)
        .bind(idx)
        .fetch_one(self.store.pool())
        .await?;
        if kept {
            return Ok(());
        }
        let key = self.store.keyring().state_key().await?;
        let seal = move || seal(&key, &image);
        let state =
            tokio::task::spawn_blocking(seal).await.map_err(|_| SnapshotError::Interrupted)??;
        let bytes = state.len();
        sqlx::query(
            "WITH kept AS (
                 INSERT INTO fleet_snapshot (fold, idx, gen, tx, pos, state)
                 SELECT $1, i.idx, i.gen, i.tx, i.pos, $3 FROM log_index i WHERE i.idx = $2
                 ON CONFLICT ON CONSTRAINT fleet_snapshot_pkey DO NOTHING
                 RETURNING idx
             )
             DELETE FROM fleet_snapshot s USING kept WHERE s.fold <> $1 AND s.idx <= kept.idx",
        )
        .bind(FleetImage::FOLD)
        .bind(idx)
        .bind(state)
        .execute(self.store.pool())
        .await?;
        tracing::debug!(idx, bytes, "kept the state of the fleet");
        Ok(())
    }
}

/// Keeps a state now and then.
pub(crate) struct Keeper {
    snapshots: Snapshots,
    every: i64,
    last: i64,
    keeping: Option<JoinHandle<()>>,
}

impl Keeper {
    /// After so many events at least, counted from the one that was kept last.
    pub(crate) const fn new(snapshots: Snapshots, every: i64, last: i64) -> Self {
        Self { snapshots, every, last, keeping: None }
    }

    /// Whether it is time. A large fleet costs more to keep and is kept less often, so that the
    /// kept states do not outgrow the events.
    pub(crate) fn is_due(&self, fleet: &Fleet) -> bool {
        let size = i64::try_from(fleet.size() / 10).unwrap_or(i64::MAX);
        fleet.idx() - self.last >= self.every.max(size)
            && self.keeping.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Keeps it, aside.
    pub(crate) fn keep(&mut self, image: Image) {
        let (idx, before) = (image.idx(), self.last);
        self.last = idx;
        let keep = self.snapshots.clone().keep(image, before);
        self.keeping = Some(tokio::spawn(async move {
            if let Err(error) = keep.await {
                tracing::warn!(%error, idx, "the state of the fleet was not kept");
            }
        }));
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(keeping) = &self.keeping {
            keeping.abort();
        }
    }
}

/// Compares every kept state with what the events say: how many there are, and what is wrong with
/// which, in words.
///
/// # Errors
/// Where the events cannot be read or folded.
pub async fn compare_states(store: &Store) -> Result<(usize, Vec<String>), FleetAtError> {
    let kept: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT s.idx, s.state FROM fleet_snapshot s JOIN log_index i USING (idx, gen, tx, pos)
         WHERE s.fold = $1 ORDER BY s.idx",
    )
    .bind(FleetImage::FOLD)
    .fetch_all(store.pool())
    .await
    .map_err(StoreError::from)?;
    let key = store.keyring().state_key().await.map_err(StoreError::from)?;
    let mut folded = Folded::default();
    let mut problems = Vec::new();
    for (idx, state) in &kept {
        folded.go_on(store, *idx).await?;
        let says = serde_json::to_vec(&folded.image()).map_err(SnapshotError::from);
        let why = match unpack(&key, *idx, state).and_then(|text| Ok(text == says?)) {
            Ok(true) => continue,
            Ok(false) => "is not what the events say".to_owned(),
            Err(error) => format!("cannot be used: {error}"),
        };
        problems.push(format!(
            "the state kept after event {idx} {why}; remove it: \
             DELETE FROM fleet_snapshot WHERE idx = {idx}"
        ));
    }
    Ok((kept.len(), problems))
}

/// The same for whoever folds the same events.
fn context(idx: i64) -> String {
    format!("fleet_snapshot {} {idx}", FleetImage::FOLD)
}

fn seal(key: &WrappedKey, image: &Image) -> Result<Vec<u8>, SnapshotError> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(std::io::BufWriter::new(&mut packed), image)?;
    packed.flush()?;
    Ok(key.seal(&context(image.idx()), &packed.finish()?)?)
}

fn open(key: &WrappedKey, idx: i64, state: &[u8]) -> Result<Image, SnapshotError> {
    Ok(serde_json::from_slice(&unpack(key, idx, state)?)?)
}

fn unpack(key: &WrappedKey, idx: i64, state: &[u8]) -> Result<Vec<u8>, SnapshotError> {
    let packed = key.open(&context(idx), state).ok_or(SnapshotError::Foreign)?;
    let mut text = Vec::new();
    DeflateDecoder::new(packed.as_slice()).read_to_end(&mut text)?;
    Ok(text)
}
