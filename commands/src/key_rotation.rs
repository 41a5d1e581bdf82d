//! Planned rotations of gateways' keys: every device knows the next key before it comes into force.

use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::{
    DomainError,
    gateway::{Gateway, GatewayCommand},
    ids::GatewayId,
    values::PublicKey,
};
use nexavpn_store::Loaded;

use crate::{CommandError, Commands, Done, Request, rows::Due, transact::Plan};

/// The longest time ahead at which a next key may come into force.
const FURTHEST: TimeDelta = TimeDelta::days(366);

impl Commands {
    /// Asks a gateway's node for another key, which comes into force at that time. Asked again, it
    /// comes into force at the other time.
    ///
    /// # Errors
    /// `validation_error`, `not_found`, `gateway_not_ready` before a node has reported, or
    /// `agent_too_old` where the node's agent cannot do that.
    pub async fn request_key_rotation(
        &self,
        request: &Request,
        id: GatewayId,
        switch_at: DateTime<Utc>,
    ) -> Result<Done<()>, CommandError> {
        let now = self.now();
        if switch_at <= now || switch_at > now + FURTHEST {
            let why = "must be in the future, and within a year";
            return Err(DomainError::field("switch_at", why).into());
        }
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            let mut plan = Plan::new(());
            let command = GatewayCommand::RequestKeyRotation { switch_at };
            if self.plan_of_gateway(&mut plan, id, &gateway, command)? {
                self.agent_rotates_keys(id).await?;
            }
            Ok(plan)
        })
        .await
    }

    /// Brings the next key into force at once.
    ///
    /// # Errors
    /// `not_found`, or `next_key_missing` before the node has announced one.
    pub async fn switch_gateway_key(
        &self,
        request: &Request,
        id: GatewayId,
    ) -> Result<Done<()>, CommandError> {
        self.decide_gateway(request, id, GatewayCommand::SwitchKey).await
    }

    /// Lets the key in force stay. Nothing happens where no rotation is under way.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn call_off_key_rotation(
        &self,
        request: &Request,
        id: GatewayId,
    ) -> Result<Done<()>, CommandError> {
        self.decide_gateway(request, id, GatewayCommand::CallOffKeyRotation).await
    }

    /// Takes the key that a node has made for a rotation. Nothing happens where that rotation is
    /// over, or the key is known.
    ///
    /// # Errors
    /// `validation_error`, `not_found` or `public_key_taken`.
    pub async fn announce_next_key(
        &self,
        request: &Request,
        id: GatewayId,
        rotation: u32,
        public_key: &str,
    ) -> Result<Done<()>, CommandError> {
        let public_key = PublicKey::parse(public_key)
            .map_err(|why| DomainError::field("next_key.public_key", why))?;
        let command = GatewayCommand::AnnounceNextKey { rotation, public_key };
        self.decide_gateway(request, id, command).await
    }

    /// Ends a rotation whose time has come. Says whether anything happened.
    pub(crate) async fn gateway_due(
        &self,
        request: &Request,
        id: GatewayId,
    ) -> Result<bool, CommandError> {
        let tick = GatewayCommand::Tick { now: self.now() };
        Ok(self.decide_gateway(request, id, tick).await?.position.is_some())
    }

    async fn decide_gateway(
        &self,
        request: &Request,
        id: GatewayId,
        command: GatewayCommand,
    ) -> Result<Done<()>, CommandError> {
        self.transact(request, "gateway", || async {
            let gateway = self.load_for::<Gateway>(request, "gateway", id.0).await?;
            let mut plan = Plan::new(());
            self.plan_of_gateway(&mut plan, id, &gateway, command.clone())?;
            Ok(plan)
        })
        .await
    }

    /// Decides, and notes when the clock process has to look again. Says whether there are events.
    pub(crate) fn plan_of_gateway<T>(
        &self,
        plan: &mut Plan<T>,
        id: GatewayId,
        gateway: &Loaded<Gateway>,
        command: GatewayCommand,
    ) -> Result<bool, CommandError> {
        let (after, any) = plan.decide_all(id.0, gateway, vec![command])?;
        let at = after.next_tick();
        if at != gateway.state.next_tick() {
            plan.row(Due { aggregate_type: "gateway", aggregate_id: id.0, at });
        }
        Ok(any)
    }

    /// An agent that does not know of rotations would refuse the bundle that asks for one, and all
    /// that come after it.
    async fn agent_rotates_keys(&self, id: GatewayId) -> Result<(), CommandError> {
        let knows: Option<bool> = sqlx::query_scalar(
            "SELECT 'key_rotation' = ANY (features) FROM gateway_status WHERE gateway_id = $1",
        )
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await?;
        let (code, why) = match knows {
            Some(true) => return Ok(()),
            Some(false) => (
                "agent_too_old",
                "the agent of the gateway's node cannot rotate its key: upgrade it, and try again \
                 once it has reported",
            ),
            None => (
                "gateway_not_ready",
                "the gateway's node has not reported yet: let it join and start its agent",
            ),
        };
        Err(DomainError::conflict(code, why).into())
    }
}
