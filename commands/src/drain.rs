//! Drains: a gateway's devices are moved elsewhere, and it gets no new ones.
//!
//! What is left to move is what `device_index` says: a crash loses nothing, and processes that
//! move the same devices disturb each other no more than two admins would.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{
    DomainError,
    device::Device,
    gateway::{Drain, Gateway, GatewayCommand, GatewayFields},
    ids::{DeviceId, GatewayId},
    occasion::{Kind, Occasion},
};
use uuid::Uuid;

use crate::{
    CommandError, Commands, Done, Request,
    devices::{Load, Places},
    rows::{BeginDrain, EndDrain, StillDrained},
    transact::Plan,
};

/// How many devices are moved in one transaction: about 50 ms of work.
const BATCH: i64 = 20;
/// How long a drain that could not go on rests before the next try.
const REST: TimeDelta = TimeDelta::seconds(10);
/// What the moves follow from.
const DRAIN: Occasion = Occasion::latest(&[Kind::all("gateway.drain_started")]);
/// What no other device of the gateway could be moved for either.
const NOWHERE: &[&str] =
    &["pool_exhausted", "no_gateway", "gateway_not_ready", "gateway_draining", "no_target"];

/// How far a drain has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainProgress {
    /// Where the devices go; each to the gateway with the fewest devices where none is named.
    pub target: Option<GatewayId>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How many devices are still to be moved.
    pub devices_left: i64,
    /// Why they could not be moved when that was last tried.
    pub failure: Option<DrainFailure>,
}

/// Why devices could not be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainFailure {
    /// When that was tried.
    pub at: DateTime<Utc>,
    /// Stable: `pool_exhausted`, `no_gateway`, …
    pub code: String,
    /// For people.
    pub message: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    gateway_id: Uuid,
    target: Option<Uuid>,
    started_at: DateTime<Utc>,
    devices_left: i64,
    failed_at: Option<DateTime<Utc>>,
    code: Option<String>,
    message: Option<String>,
}

impl From<Row> for DrainProgress {
    fn from(row: Row) -> Self {
        let failure = match (row.failed_at, row.code, row.message) {
            (Some(at), Some(code), Some(message)) => Some(DrainFailure { at, code, message }),
            _ => None,
        };
        Self {
            target: row.target.map(GatewayId),
            started_at: row.started_at,
            devices_left: row.devices_left,
            failure,
        }
    }
}

impl Commands {
    /// Has a gateway's devices moved elsewhere; from now on it gets no new ones. A drain that has
    /// begun may be given another target.
    ///
    /// # Errors
    /// `not_found`; `validation_error`, `gateway_not_ready` or `gateway_draining` for the target.
    pub async fn start_drain(
        &self,
        request: &Request,
        id: GatewayId,
        target: Option<GatewayId>,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            if gateway.state.fields().is_none() {
                return Err(DomainError::not_found("gateway").into());
            }
            if target == Some(id) {
                return Err(DomainError::field("target", "must be another gateway").into());
            }
            if let Some(target) = target {
                self.drain_target(target).await.map_err(|e| match e {
                    CommandError::Domain(e) if e.code() == "no_target" => {
                        DomainError::field("target", "there is no such gateway").into()
                    }
                    e => e,
                })?;
            }
            let mut plan = Plan::new(());
            if plan.decide(id.0, &gateway, GatewayCommand::StartDrain(Drain { target }))? {
                let correlation_id = request.correlation_id;
                plan.row(BeginDrain { gateway_id: id, target, correlation_id, now: self.now() });
            }
            Ok(plan)
        })
        .await
    }

    /// Lets a gateway have devices again. Those that were moved stay where they are.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn end_drain(
        &self,
        request: &Request,
        id: GatewayId,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            let mut plan = Plan::new(());
            if plan.decide(id.0, &gateway, GatewayCommand::EndDrain)? {
                plan.row(EndDrain(id));
            }
            Ok(plan)
        })
        .await
    }

    /// How far the drains of these gateways have come; nothing of those that are not drained.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn drains(
        &self,
        ids: &[GatewayId],
    ) -> Result<HashMap<GatewayId, DrainProgress>, CommandError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT d.gateway_id, d.target, d.started_at, d.failed_at, d.code, d.message,
                    (SELECT count(*) FROM device_index i
                     WHERE i.gateway_id = d.gateway_id) AS devices_left
             FROM gateway_drain d WHERE d.gateway_id = ANY ($1)",
        )
        .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (GatewayId(row.gateway_id), row.into())).collect())
    }

    /// Moves these devices away in one transaction, each as an admin would.
    async fn move_away(
        &self,
        from: GatewayId,
        devices: &[DeviceId],
        correlation_id: Uuid,
    ) -> Result<(), CommandError> {
        let request = Request { correlation_id, ..Request::system("drain", self.new_id()) };
        let places = Places::default();
        let outcome = self
            .transact(&request, "gateway", || async {
                places.begin();
                let mut plan = Plan::new(());
                let gateway = self.store.load::<Gateway>(from.0).await?;
                let Some(Drain { target }) = gateway.state.drain() else { return Ok(plan) };
                plan.because_of(self.store.occasion::<Gateway>(from.0, &DRAIN).await?);
                let mut targets = self.drain_targets(target).await?;
                for id in devices {
                    let device = self.store.load::<Device>(id.0).await?;
                    // Whoever else moves devices was there first.
                    if !device.state.exists() || device.state.gateway_id() != Some(from) {
                        continue;
                    }
                    let command = loop {
                        let to = targets.next(self).await?;
                        let place = (to.0, &to.1);
                        match self.plan_gateway(&mut plan, *id, from, place, None, &places).await {
                            Ok(command) => break command,
                            Err(CommandError::Domain(e)) => targets.give_up(to.0, e),
                            Err(e) => return Err(e),
                        }
                    };
                    self.plan_device_commands(&mut plan, *id, &device, vec![command])?;
                }
                plan.row(StillDrained(from));
                Ok(plan)
            })
            .await;
        places.give_back(self, outcome.is_ok()).await;
        outcome.map(drop)
    }

    /// The gateways that devices can go to.
    async fn drain_targets(&self, named: Option<GatewayId>) -> Result<Targets, CommandError> {
        let left = match named {
            Some(id) => vec![Target { id, devices: 0, fields: Some(self.drain_target(id).await?) }],
            None => {
                let loads = self.gateway_loads().await?.into_iter();
                loads.map(|Load { id, devices }| Target { id, devices, fields: None }).collect()
            }
        };
        Ok(Targets { left, given_up: None })
    }

    /// A gateway that is named as a target.
    async fn drain_target(&self, id: GatewayId) -> Result<GatewayFields, CommandError> {
        let gateway = self.store.load::<Gateway>(id.0).await?;
        let conflict = |code, why: &str| Err(DomainError::conflict_on("target", code, why).into());
        let Some(fields) = gateway.state.fields() else {
            return conflict("no_target", "the gateway to move to is gone: name another one");
        };
        if gateway.state.public_key().is_none() {
            let why = "the gateway to move to has no WireGuard key yet: let its node join first";
            return conflict("gateway_not_ready", why);
        }
        if gateway.state.drain().is_some() {
            let why = "the gateway to move to is being drained itself: name another one";
            return conflict("gateway_draining", why);
        }
        Ok(fields.clone())
    }

    async fn drain_goes_on(&self, id: GatewayId) -> Result<(), CommandError> {
        sqlx::query(
            "UPDATE gateway_drain SET failed_at = NULL, code = NULL, message = NULL
             WHERE gateway_id = $1 AND failed_at IS NOT NULL",
        )
        .bind(id.0)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn drain_failed(&self, id: GatewayId, error: &DomainError) -> Result<(), CommandError> {
        tracing::warn!(gateway = %id, %error, "devices of a drained gateway cannot be moved");
        // Where the drain has ended meanwhile there is nothing to say.
        sqlx::query(
            "UPDATE gateway_drain SET failed_at = $2, code = $3, message = $4
             WHERE gateway_id = $1",
        )
        .bind(id.0)
        .bind(self.now())
        .bind(error.code())
        .bind(error.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Where devices can go, in one attempt.
struct Targets {
    left: Vec<Target>,
    given_up: Option<DomainError>,
}

struct Target {
    id: GatewayId,
    /// Those that it is about to get among them.
    devices: i64,
    /// Not read before it is chosen: there may be many gateways.
    fields: Option<GatewayFields>,
}

impl Targets {
    /// The one with the fewest devices, which then counts one more.
    async fn next(
        &mut self,
        commands: &Commands,
    ) -> Result<(GatewayId, GatewayFields), CommandError> {
        loop {
            let fewest = self.left.iter_mut().min_by_key(|target| (target.devices, target.id));
            let Some(target) = fewest else {
                return Err(self.given_up.take().unwrap_or_else(nowhere).into());
            };
            if target.fields.is_none() {
                let gateway = commands.store.load::<Gateway>(target.id.0).await?;
                let ready = gateway.state.public_key().is_some();
                target.fields = gateway.state.fields().filter(|_| ready).cloned();
            }
            let id = target.id;
            if let Some(fields) = target.fields.clone() {
                target.devices += 1;
                return Ok((id, fields));
            }
            self.left.retain(|target| target.id != id);
        }
    }

    /// Does without one that takes no more.
    fn give_up(&mut self, id: GatewayId, why: DomainError) {
        self.left.retain(|target| target.id != id);
        self.given_up = Some(why);
    }
}

fn nowhere() -> DomainError {
    DomainError::conflict(
        "no_gateway",
        "there is no other gateway that could take the devices: create one and let its node join",
    )
}

/// The moving of devices, as far as one process has come with it.
#[derive(Debug, Default)]
pub struct Drains(HashMap<GatewayId, Pass>);

/// One way through the devices of a gateway, in the order of their ids.
#[derive(Debug, Default)]
struct Pass {
    after: Uuid,
    /// Why the last device that had to stay behind could not be moved.
    left_behind: Option<DomainError>,
}

impl Drains {
    /// Moves the next devices of each gateway that is drained. Says whether there may be more to
    /// do at once.
    ///
    /// # Errors
    /// Where the store fails; the next call goes on.
    pub async fn step(&mut self, commands: &Commands) -> Result<bool, CommandError> {
        let due: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT d.gateway_id, d.correlation_id FROM gateway_drain d
             WHERE (d.failed_at IS NULL OR d.failed_at <= $1)
               AND EXISTS (SELECT FROM device_index i WHERE i.gateway_id = d.gateway_id)
             ORDER BY d.started_at, d.gateway_id",
        )
        .bind(commands.now() - REST)
        .fetch_all(&commands.pool)
        .await?;
        self.0.retain(|id, _| due.iter().any(|(due, _)| *due == id.0));
        let mut more = false;
        for (id, correlation_id) in due {
            let id = GatewayId(id);
            let pass = self.0.entry(id).or_default();
            if pass.step(commands, id, correlation_id).await? {
                more = true;
            } else {
                self.0.remove(&id);
            }
        }
        Ok(more)
    }
}

impl Pass {
    /// Whether there may be more to do at once.
    async fn step(
        &mut self,
        commands: &Commands,
        gateway: GatewayId,
        correlation_id: Uuid,
    ) -> Result<bool, CommandError> {
        let devices: Vec<Uuid> = sqlx::query_scalar(
            "SELECT device_id FROM device_index WHERE gateway_id = $1 AND device_id > $2
             ORDER BY device_id LIMIT $3",
        )
        .bind(gateway.0)
        .bind(self.after)
        .bind(BATCH)
        .fetch_all(&commands.pool)
        .await?;
        let devices: Vec<DeviceId> = devices.into_iter().map(DeviceId).collect();
        let Some(last) = devices.last() else {
            if let Some(error) = self.left_behind.take() {
                commands.drain_failed(gateway, &error).await?;
            }
            return Ok(false);
        };
        let mut outcome = commands.move_away(gateway, &devices, correlation_id).await;
        if matches!(&outcome, Err(CommandError::Domain(_))) {
            // One of them stands in the way of the others, or there is no room for all.
            outcome = Ok(());
            for device in &devices {
                match commands.move_away(gateway, &[*device], correlation_id).await {
                    Err(CommandError::Domain(e)) if NOWHERE.contains(&e.code()) => {
                        commands.drain_failed(gateway, &e).await?;
                        return Ok(false);
                    }
                    Err(CommandError::Domain(e)) => self.left_behind = Some(e),
                    moved => moved?,
                }
            }
        }
        outcome?;
        if self.left_behind.is_none() {
            commands.drain_goes_on(gateway).await?;
        }
        self.after = last.0;
        Ok(true)
    }
}
