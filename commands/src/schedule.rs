//! Time enters as events: what is due is appended, so that no fold ever reads a clock.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{
    device::{Device, DeviceCommand},
    ids::{DeviceId, GatewayId, PolicyId},
    policy::{Policy, PolicyCommand},
};
use uuid::Uuid;

use crate::{CommandError, Commands, Request, transact::Plan};

/// How many due aggregates are handled before looking again.
const BATCH: i64 = 500;

impl Commands {
    /// Appends what is due: expiries of devices, lapsed rotations, activations and expiries of
    /// policies, switches of gateways' keys; what is due at the same moment in the order in which
    /// a preview foretells it. Any number of processes may do so; each fact is decided once.
    ///
    /// # Errors
    /// Where the store fails; what was not reached is due again the next time.
    pub async fn run_due(&self) -> Result<usize, CommandError> {
        let due: Vec<(String, Uuid, DateTime<Utc>)> = sqlx::query_as(
            "SELECT aggregate_type, aggregate_id, at FROM due WHERE at <= $1
             ORDER BY at, aggregate_type, aggregate_id LIMIT $2",
        )
        .bind(self.now())
        .bind(BATCH)
        .fetch_all(&self.pool)
        .await?;
        let mut outcome = Ok(());
        for (aggregate_type, id, at) in &due {
            let request = Request::system("clock", self.new_id());
            let happened = match aggregate_type.as_str() {
                "device" => self.device_due(&request, DeviceId(*id)).await,
                "gateway" => self.gateway_due(&request, GatewayId(*id)).await,
                "policy" => self.policy_due(&request, PolicyId(*id)).await,
                other => {
                    tracing::error!(aggregate_type = other, "nothing is known to be due here");
                    Ok(false)
                }
            };
            let happened = match happened {
                Ok(happened) => happened,
                Err(error) => {
                    // The others are due all the same; this one is again the next time.
                    tracing::error!(%error, %aggregate_type, %id, "what is due cannot be appended");
                    outcome = Err(error);
                    continue;
                }
            };
            if !happened {
                // Nothing was due after all (another process was first): the note has no use.
                sqlx::query(
                    "DELETE FROM due WHERE aggregate_type = $1 AND aggregate_id = $2 AND at = $3",
                )
                .bind(aggregate_type)
                .bind(id)
                .bind(at)
                .execute(&self.pool)
                .await?;
            }
        }
        outcome.map(|()| due.len())
    }

    /// Deletes what has run out and needs no record: sessions, reservations, and requests that
    /// are remembered for their `Idempotency-Key`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sweep(&self) -> Result<(), CommandError> {
        sqlx::query("DELETE FROM session WHERE expires_at <= $1")
            .bind(self.now())
            .execute(&self.pool)
            .await?;
        sqlx::query("DELETE FROM refresh_token WHERE expires_at <= $1")
            .bind(self.now())
            .execute(&self.pool)
            .await?;
        sqlx::query("DELETE FROM gateway_join_token WHERE expires_at <= $1")
            .bind(self.now())
            .execute(&self.pool)
            .await?;
        sqlx::query("DELETE FROM idempotency WHERE expires_at <= $1")
            .bind(self.now())
            .execute(&self.pool)
            .await?;
        self.store.sweep_reservations().await?;
        Ok(())
    }

    /// How long until the next due moment, at most a minute.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn next_due(&self) -> Result<std::time::Duration, CommandError> {
        let at: Option<DateTime<Utc>> =
            sqlx::query_scalar("SELECT min(at) FROM due").fetch_one(&self.pool).await?;
        let minute = TimeDelta::minutes(1);
        let wait = at.map_or(minute, |at| (at - self.now()).min(minute));
        Ok(wait.to_std().unwrap_or_default())
    }

    async fn device_due(&self, request: &Request, id: DeviceId) -> Result<bool, CommandError> {
        let done = self
            .transact(request, "device", || async {
                let device = self.store.load::<Device>(id.0).await?;
                let now = self.now();
                let mut plan = Plan::new(());
                let commands =
                    vec![DeviceCommand::Expire { now }, DeviceCommand::LapseRotation { now }];
                self.plan_device_commands(&mut plan, id, &device, commands)?;
                Ok(plan)
            })
            .await?;
        Ok(done.position.is_some())
    }

    async fn policy_due(&self, request: &Request, id: PolicyId) -> Result<bool, CommandError> {
        let done = self
            .transact(request, "policy", || async {
                let policy = self.store.load::<Policy>(id.0).await?;
                let mut plan = Plan::new(());
                self.plan_policy(&mut plan, id, &policy, PolicyCommand::Tick { now: self.now() })?;
                Ok(plan)
            })
            .await?;
        Ok(done.position.is_some())
    }
}
