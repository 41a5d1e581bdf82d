use serde_json::Value;

use super::{Told, value};
use crate::policy::PolicyEvent;

pub(super) fn told(event: &PolicyEvent) -> Told {
    match event {
        PolicyEvent::Created { fields } => {
            Told::new(format!("Policy “{}” created", fields.name)).set_all(fields)
        }
        PolicyEvent::Changed { .. } => changed(event),
        PolicyEvent::Activated {} => {
            Told::new("Validity of the policy has begun").turn("active", false, true)
        }
        PolicyEvent::Expired {} => {
            Told::new("Validity of the policy is over").turn("active", true, false)
        }
        PolicyEvent::Deleted {} => Told::new("Policy deleted").ending(),
        PolicyEvent::Restored { fields } => {
            Told::new(format!("Policy “{}” restored after its deletion", fields.name))
                .set_all(fields)
        }
    }
}

fn changed(event: &PolicyEvent) -> Told {
    let Value::Object(mut fields) = value(event) else {
        return Told::new("Policy changed");
    };
    fields.remove("type");
    let validity = fields.remove("validity");
    let told = Told::new("").set_all(fields);
    let mut told = match validity {
        Some(v) => told.set("valid_from", &v["from"]).set("valid_until", &v["until"]),
        None => told,
    };
    let names: Vec<&str> = told.fields.iter().map(|f| f.name.as_str()).collect();
    told.words = format!("Policy changed: {}", names.join(", "));
    told
}
