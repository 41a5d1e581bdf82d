//! Every route × everybody who may come × whose object it is.
//!
//! Each cell is a request of its own, about an object of its own, that would succeed if it were
//! allowed: what is refused is refused for who asks, and for nothing else.

mod behind;
pub(crate) mod left;
mod records;
mod spec;
mod world;

use nexavpn_api::auth::permissions::{Permission, TABLE, Who};
use nexavpn_domain::values::Role;
use nexavpn_tests::harness::Client;

use spec::{Object, Spec, spec};
use world::World;

/// An id that nothing has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Signed(Role),
    Gateway,
    Anonymous,
}

const CALLERS: [As; 5] = [
    As::Signed(Role::Admin),
    As::Signed(Role::Auditor),
    As::Signed(Role::User),
    As::Gateway,
    As::Anonymous,
];

/// Whose object a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Others,
    Nobodys,
}

/// The status that a cell has to be answered with.
fn expected(row: &Permission, spec: &Spec, caller: As, whose: Whose) -> u16 {
    let found = |yes: bool| if yes { spec.success } else { 404 };
    let exists = spec.object == Object::Nothing || whose != Whose::Nobodys;
    let own = spec.object == Object::Nothing || whose == Whose::Own;
    match (row.who, caller) {
        (Who::Public, _) => spec.success,
        (_, As::Anonymous) => 401,
        (who, As::Gateway) if !who.admits_gateway() => 403,
        (_, As::Gateway) => found(whose == Whose::Own),
        (who, As::Signed(role)) if !who.admits(role) => 403,
        (Who::SignedIn, _) => found(own),
        (Who::OwnerOrAdmin, As::Signed(Role::Admin)) => found(exists),
        (Who::OwnerOrAdmin, _) => found(own),
        (Who::Reader | Who::Admin | Who::OwnGatewayOrAdmin, _) => found(exists),
        (Who::OwnGateway, _) => 403,
    }
}

/// One cell: asks, and answers what is wrong.
async fn cell(
    world: &World,
    row: &Permission,
    caller: As,
    whose: Whose,
    standing: &Standing,
) -> Option<String> {
    let place = format!("{} {} as {caller:?}, {whose:?}", row.method, row.path);
    let Some(spec) = spec(row.method, row.path, world).await else {
        return Some(format!("{} {} has no cell: add it to matrix/spec.rs", row.method, row.path));
    };
    let wanted = expected(row, &spec, caller, whose);
    let client = match caller {
        As::Anonymous => world.server.client(),
        As::Gateway => standing.node.clone(),
        As::Signed(role) if spec.uses_up => world.new_user(role.as_str()).await.0,
        As::Signed(role) => standing.of(role).clone(),
    };
    let owner = match (whose, caller) {
        (Whose::Own, As::Signed(_)) => &client,
        _ => &standing.other,
    };
    let (id, second) = match (whose, caller) {
        (Whose::Nobodys, _) => (NOBODY.to_owned(), NOBODY.to_owned()),
        (Whose::Own, As::Gateway) if spec.object == Object::Gateway => {
            (standing.gateway.clone(), NOBODY.to_owned())
        }
        _ => world.object(spec.object, owner).await,
    };
    let path = row.path.replace("{id}", &id);
    let path = path.replace("{user_id}", &second).replace("{session_id}", &second);
    let path = path.replace("{level}", "0").replace("{place}", "000.p/1");
    let query = match spec.object {
        Object::DeviceInQuery => format!("?device_id={id}"),
        _ => spec.query.clone(),
    };
    let method = row.method.parse().ok()?;
    let body = world.present(spec.body.clone()).await;
    let answer = client.send(method, &format!("{path}{query}"), &spec.headers(), body).await;
    let in_words = answer.status < 400 || answer.body["error"]["message"].is_string();
    let body: String = answer.body.to_string().chars().take(300).collect();
    (answer.status != wanted || !in_words)
        .then(|| format!("{place}: {} instead of {wanted}: {body}", answer.status))
}

/// Those who ask again and again.
struct Standing {
    admin: Client,
    auditor: Client,
    user: Client,
    other: Client,
    gateway: String,
    node: Client,
}

impl Standing {
    async fn make(world: &World) -> Self {
        let (gateway, node) = world.node().await;
        Self {
            admin: world.new_user("admin").await.0,
            auditor: world.new_user("auditor").await.0,
            user: world.new_user("user").await.0,
            other: world.new_user("user").await.0,
            gateway,
            node,
        }
    }

    const fn of(&self, role: Role) -> &Client {
        match role {
            Role::Admin => &self.admin,
            Role::Auditor => &self.auditor,
            Role::User => &self.user,
        }
    }
}

#[tokio::test]
async fn every_route_answers_everybody_about_everything_as_the_table_says() {
    let world = World::make().await;
    let standing = Standing::make(&world).await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    for row in TABLE {
        let has_object =
            row.path.contains("{id}") || ["/me/profile", "/connection/status"].contains(&row.path);
        let all = [Whose::Own, Whose::Others, Whose::Nobodys];
        let which = if has_object { &all[..] } else { &all[..1] };
        for caller in CALLERS {
            for whose in which {
                cells += 1;
                wrong.extend(cell(&world, row, caller, *whose, &standing).await);
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells >= TABLE.len() * CALLERS.len());
}
