//! The permission table and the router have the same routes; `matrix` walks them.

use std::collections::BTreeSet;

use nexavpn_api::{
    BASE_PATH,
    auth::permissions::{self, TABLE, Who},
};
use reqwest::Method;

use super::{NOBODY, Plane, assert_error};

/// An auditor changes nothing: whatever is not a GET and an auditor may call is about oneself.
#[test]
fn readers_only_read() {
    for row in TABLE {
        // A preview has the method of what it previews, and changes nothing. A pin keeps what an
        // auditor was told, and changes nothing for anybody else.
        let reads = row.method == "GET"
            || row.path.starts_with("/admin/preview/")
            || row.path == "/admin/audit/pins";
        assert!(row.who != Who::Reader || reads, "{} {}", row.method, row.path);
        let admins = row.path.starts_with("/admin/");
        let node = matches!(row.who, Who::OwnGateway | Who::OwnGatewayOrAdmin);
        let closed = node || matches!(row.who, Who::Reader | Who::Admin);
        assert!(!admins || closed, "{} {}", row.method, row.path);
    }
    let rows: BTreeSet<_> = TABLE.iter().map(|row| (row.method, row.path)).collect();
    assert_eq!(rows.len(), TABLE.len(), "a route is in the table twice");
}

/// The paths that the router has, out of its Debug output, for it offers no other list.
fn paths_of(router: &impl std::fmt::Debug) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let quoted = text.split('"').filter_map(|text| text.strip_prefix(BASE_PATH));
    quoted.map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn every_route_of_the_router_is_in_the_table() {
    let plane = Plane::start().await;
    let mut routes = BTreeSet::new();
    for path in paths_of(&nexavpn_api::router(plane.server.app.clone(), None)) {
        // Nothing takes this method, so the answer names those that are taken.
        let concrete = path.replace("{id}", NOBODY).replace("{user_id}", NOBODY);
        let concrete = concrete.replace("{session_id}", NOBODY);
        let answer = plane.admin.send(Method::TRACE, &concrete, &[], None).await;
        assert_error(&(answer.status, answer.body.clone()), 405, "method_not_allowed");
        let allowed = answer.header("allow").split(',').map(str::trim).filter(|m| *m != "HEAD");
        routes.extend(allowed.map(|method| (method.to_owned(), path.clone())));
    }
    for (method, path) in &routes {
        assert!(permissions::find(method, path).is_some(), "{method} {path} is not in the table");
    }
    assert_eq!(routes.len(), TABLE.len(), "the table has rows without a route: {routes:?}");
}
