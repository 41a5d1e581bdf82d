use nexavpn_domain::webhook::{DisabledBecause, Webhook, WebhookCommand as C, WebhookEvent as E};

use super::{decide, once, refusal, state};
use crate::given::minute;

fn created() -> E {
    E::Created { url: "https://a.example/".into(), description: String::new(), event_types: vec![] }
}

fn create() -> C {
    C::Create { url: "https://a.example/".into(), description: String::new(), event_types: vec![] }
}

fn address(url: &str) -> C {
    C::Change { url: Some(url.into()), description: None, event_types: None }
}

#[test]
fn a_new_one_sends_and_its_id_is_used_once() {
    assert_eq!(decide::<Webhook>(&[], create()), Ok(vec![created()]));
    assert!(state::<Webhook>(&[created()]).is_enabled());
    assert_eq!(refusal::<Webhook>(&[created()], create()), "webhook_exists");
    assert_eq!(refusal::<Webhook>(&[created(), E::Deleted {}], create()), "webhook_exists");
}

#[test]
fn a_change_says_what_is_different_and_nothing_else() {
    let changed =
        E::Changed { url: Some("https://b.example/".into()), description: None, event_types: None };
    once::<Webhook>(&[created()], address("https://b.example/"), vec![changed.clone()]);
    assert_eq!(decide::<Webhook>(&[created()], address("https://a.example/")), Ok(vec![]));
    assert_eq!(state::<Webhook>(&[created(), changed]).url(), "https://b.example/");
}

#[test]
fn it_stops_and_goes_on() {
    for because in [DisabledBecause::Requested, DisabledBecause::Gone] {
        let disabled = vec![E::Disabled { because }];
        once::<Webhook>(&[created()], C::Disable(because), disabled.clone());
        let given = [vec![created()], disabled].concat();
        assert!(!state::<Webhook>(&given).is_enabled());
        once::<Webhook>(&given, C::Enable, vec![E::Enabled {}]);
    }
}

#[test]
fn each_rotation_and_each_replay_is_on_record() {
    let given = [created()];
    let rotate = C::RotateSecret { previous_until: minute(9) };
    let rotated = E::SecretRotated { previous_until: minute(9) };
    assert_eq!(decide::<Webhook>(&given, rotate), Ok(vec![rotated]));
    assert_eq!(decide::<Webhook>(&given, C::Replay { from: 1 }), Ok(vec![E::Replayed { from: 1 }]));
}

#[test]
fn nothing_is_done_to_one_that_is_gone() {
    let gone = [created(), E::Deleted {}];
    assert!(!state::<Webhook>(&gone).is_enabled());
    for command in [
        address("https://b.example/"),
        C::RotateSecret { previous_until: minute(9) },
        C::Enable,
        C::Disable(DisabledBecause::Requested),
        C::Replay { from: 1 },
        C::Delete,
    ] {
        assert_eq!(refusal::<Webhook>(&gone, command.clone()), "not_found", "{command:?}");
        assert_eq!(refusal::<Webhook>(&[], command), "not_found");
    }
}
