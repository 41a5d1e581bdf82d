//! wg-easy's HTTP API: its published contract, and what clients of its version 14 use besides.
//!
//! Its clients are the devices of one user. `docs/wg-easy.md` says what differs.
//!
//! | file | holds |
//! | --- | --- |
//! | `options.rs` | what it is switched on with |
//! | `table.rs` | every route, who may call it and how often |
//! | `admission.rs` | sessions, limits and the record of refusals, before any handler runs |
//! | `token.rs` | a session's token, in the body or the cookie |
//! | `error.rs` | errors in its shape |
//! | `body.rs` | bodies as its clients send them |
//! | `view.rs` | a client as it is shown |
//! | `drawing.rs` | its configuration, and the picture of that |
//! | `session/`, `clients/` | one endpoint to a file |

mod admission;
mod backup;
mod body;
mod clients;
mod drawing;
mod error;
mod facts;
mod limits;
mod options;
mod session;
mod table;
mod token;
mod view;

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode},
    middleware,
    response::IntoResponse as _,
    routing::{MethodRouter, any, get, post, put},
};
use nexavpn_domain::ids::{GatewayId, UserId};

pub use options::{WgEasyError, WgEasyOptions, WgEasyRates};
pub use table::{Opens, Route, TABLE};

use super::Shape;
use crate::App;
use error::DialectError;
use limits::Limits;

/// Everything below it is the dialect's, also what we do not have.
const WHOLE: &str = "/api/wireguard";
/// What it is called in the audit log.
const NAME: &str = "wg-easy";

/// The dialect, switched on. Cheap to clone.
#[derive(Clone)]
pub struct WgEasy {
    app: App,
    owner: UserId,
    password_hash: Arc<str>,
    gateway: Option<GatewayId>,
    limits: Arc<Limits>,
    last_list: clients::list::LastList,
}

/// Its routes.
pub(crate) fn routes(dialect: WgEasy) -> Router<App> {
    const CLIENT: &str = "/api/wireguard/client/{id}";
    let one = |rest: &str| format!("{CLIENT}{rest}");
    let mut routes = Slashed(Router::new());
    routes.add(
        "/api/session",
        get(session::get::handle).post(session::create::handle).delete(session::delete::handle),
    );
    routes.add("/api/wireguard/client", get(clients::list::handle).post(clients::create::handle));
    routes.add(CLIENT, get(clients::get::handle).delete(clients::delete::handle));
    routes.add(&one("/enable"), post(clients::switch::enable));
    routes.add(&one("/disable"), post(clients::switch::disable));
    routes.add(&one("/name"), put(clients::rename::handle));
    routes.add(&one("/address"), put(clients::address::handle));
    routes.add(&one("/expireDate"), put(clients::expiry::handle));
    routes.add(&one("/configuration"), get(clients::configuration::handle));
    routes.add(&one("/qrcode.svg"), get(clients::qrcode::handle));
    routes.add("/api/wireguard/backup", get(backup::handle));
    for (path, fact) in facts::FACTS {
        routes.add(path, get(move || async { facts::answer(fact) }));
    }
    let admission = middleware::from_fn_with_state(dialect.clone(), admission::admit);
    routes
        .0
        .route_layer(admission)
        .method_not_allowed_fallback(method_not_allowed)
        // Version 14 has more than we; a client should not read of it in another shape.
        .route(WHOLE, any(nothing_here))
        .route(&format!("{WHOLE}/"), any(nothing_here))
        .route(&format!("{WHOLE}/{{*rest}}"), any(nothing_here))
        .with_state(dialect)
}

/// How errors are told below its routes.
pub(crate) fn shape() -> Shape {
    let paths = TABLE.iter().map(|route| route.path).filter(|path| !path.contains('{'));
    Shape {
        paths: std::iter::once(WHOLE).chain(paths).collect(),
        error: |error| DialectError::from(error).into_response(),
    }
}

/// Routes that are the same with a slash at the end: some clients put one there.
struct Slashed(Router<WgEasy>);

impl Slashed {
    fn add(&mut self, path: &str, methods: MethodRouter<WgEasy>) {
        let router = std::mem::take(&mut self.0);
        self.0 = router.route(path, methods.clone()).route(&format!("{path}/"), methods);
    }
}

async fn nothing_here() -> DialectError {
    DialectError::not_found("there is nothing at this address")
}

async fn method_not_allowed(method: Method) -> DialectError {
    let message = format!("this address does not take {method}");
    DialectError::new(StatusCode::METHOD_NOT_ALLOWED, error::INVALID_REQUEST, message)
}
