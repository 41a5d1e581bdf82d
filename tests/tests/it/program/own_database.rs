//! A PostgreSQL of the operator's own instead of the embedded one.

use nexavpn_tests::harness::{ADMIN, OwnServer, PASSWORD, ServerProcess, data_dir, run_program};

use super::sign_in;

/// The owner migrates, the server's role cannot alter events; where one role does both, or may
/// not migrate, the program says so.
#[tokio::test]
async fn a_database_of_ones_own_works_with_two_roles_and_says_what_one_role_means() {
    // Durable, since the doctor objects to fsync = off.
    let postgres = OwnServer::start_empty(true, &[]).await;
    let (server_url, owner_url) = (postgres.server_url(), postgres.owner_url());
    let dir = data_dir(false);
    let path = dir.path().join("data").display().to_string();
    let data = ("NEXAVPN_DATA_DIR", path.as_str());
    let password = ("NEXAVPN_ADMIN_PASSWORD", PASSWORD);
    let as_server = ("DATABASE_URL", server_url.as_str());
    let migrate = ("NEXAVPN_MIGRATE_URL", owner_url.as_str());

    let (ok, said) = run_program(&["migrate"], &[data, as_server]).await;
    assert!(!ok && said.contains("NEXAVPN_MIGRATE_URL"), "{said}");

    let both = [data, as_server, migrate, password];
    let server = ServerProcess::start_with(&[], &both).await;
    assert_eq!(sign_in(&server, ADMIN, PASSWORD).await.0, 200);
    let rotate = &["keys", "rotate-bundles"][..];
    for arguments in [&["doctor"][..], &["verify"], &["rebuild", "all"], rotate, &["doctor"]] {
        let (ok, said) = run_program(arguments, &both).await;
        assert!(ok, "{arguments:?}: {said}");
    }
    assert!(server.stop().await.success());

    // Nothing is to be migrated any more, so the server's role is enough for a start.
    let server = ServerProcess::start_with(&[], &[data, as_server]).await;
    assert!(server.stop().await.success());

    let as_owner = ("DATABASE_URL", owner_url.as_str());
    let (ok, said) = run_program(&["doctor"], &[data, as_owner]).await;
    assert!(!ok && said.contains("could alter recorded events"), "{said}");
}
