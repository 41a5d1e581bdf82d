use serde_json::Value;

use super::Told;
use crate::gateway::{GatewayEvent, GatewayFields};

pub(super) fn told(event: &GatewayEvent) -> Told {
    match event {
        GatewayEvent::Created { fields } => created(fields),
        GatewayEvent::Changed { change } => {
            let mut told = Told::new("").set_all(change);
            let names: Vec<&str> = told.fields.iter().map(|f| f.name.as_str()).collect();
            told.words = format!("Gateway changed: {}", names.join(", "));
            told
        }
        GatewayEvent::KeySet { public_key } => {
            Told::new("WireGuard key of the gateway set").set("public_key", public_key)
        }
        GatewayEvent::KeyRotationRequested { switch_at } => {
            Told::new(format!("Next key of the gateway asked for, in force from {switch_at}"))
                .set("switch_at", switch_at)
        }
        GatewayEvent::NextKeyAnnounced { public_key } => {
            Told::new("Next key announced by the gateway's node").set("next_key", public_key)
        }
        GatewayEvent::KeySwitched { public_key } => Told::new("Next key of the gateway in force")
            .set("public_key", public_key)
            .set("next_key", Value::Null)
            .set("switch_at", Value::Null),
        GatewayEvent::KeyRotationCalledOff {} => {
            Told::new("Rotation of the gateway's key called off")
                .set("next_key", Value::Null)
                .set("switch_at", Value::Null)
        }
        GatewayEvent::JoinTokenIssued { expires_at } => {
            Told::new(format!("Join token of the gateway issued, good until {expires_at}"))
                .set("join_token_expires_at", expires_at)
        }
        GatewayEvent::Joined { agent_version } => {
            Told::new(format!("Node joined as the gateway, with agent {agent_version}"))
                .set("agent_version", agent_version)
        }
        GatewayEvent::DrainStarted { target } => Told::new("Gateway is drained of its devices")
            .set_first("draining", false, true)
            .set("drain_target", target),
        GatewayEvent::DrainEnded {} => Told::new("Gateway may have devices again")
            .set("draining", false)
            .set("drain_target", Value::Null),
        GatewayEvent::Deleted {} => Told::new("Gateway deleted").ending(),
    }
}

fn created(fields: &GatewayFields) -> Told {
    let mut told = Told::new(format!("Gateway “{}” created", fields.name)).set_all(fields);
    // As the API names the two.
    told.fields.retain(|f| f.name != "pool");
    told.set("address_pool_v4", fields.pool.v4).set("address_pool_v6", fields.pool.v6)
}
