//! The other subcommands, beside a running server and without one.

use nexavpn_tests::harness::{ADMIN, PASSWORD, ServerProcess, data_dir, run_program};

use super::{after, sign_in};

#[tokio::test]
async fn subcommands_work_beside_a_server_and_without_one() {
    let dir = data_dir(true);
    let path = dir.path().join("data").display().to_string();
    let data = [("NEXAVPN_DATA_DIR", path.as_str())];
    let server = ServerProcess::start(dir.path().join("data").as_path()).await;

    let (ok, said) = run_program(&["admin", "create", "bertha"], &data).await;
    assert!(ok, "{said}");
    let password = after(&said, "password  ").to_owned();
    assert_eq!(sign_in(&server, "bertha", &password).await.0, 200);
    let (ok, said) = run_program(&["admin", "create", "Bertha"], &data).await;
    assert!(!ok && !said.contains("panicked"), "{said}");

    for arguments in [&["doctor"][..], &["verify"], &["rebuild", "all"], &["verify"]] {
        let (ok, said) = run_program(arguments, &data).await;
        assert!(ok, "{arguments:?} beside the server: {said}");
    }
    assert!(server.stop().await.success());

    let (ok, said) = run_program(&["admin", "reset", ADMIN], &data).await;
    assert!(ok, "{said}");
    let password = after(&said, "password  ").to_owned();
    for arguments in [&["doctor"][..], &["verify"], &["rebuild", "users"], &["migrate"]] {
        let (ok, said) = run_program(arguments, &data).await;
        assert!(ok, "{arguments:?} without a server: {said}");
    }
    let server = ServerProcess::start(dir.path().join("data").as_path()).await;
    assert_eq!(sign_in(&server, ADMIN, PASSWORD).await.0, 401);
    assert_eq!(sign_in(&server, ADMIN, &password).await.0, 200);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn mistakes_are_answered_with_what_to_do() {
    let dir = data_dir(false);
    let path = dir.path().join("nothing").display().to_string();
    let data = [("NEXAVPN_DATA_DIR", path.as_str())];
    for (arguments, hint) in [
        (&["doctor"][..], "--data-dir"),
        (&["admin", "reset", "nobody"], "--data-dir"),
        (&["rebuild", "unknown"], "audit"),
        (&["--config", "/nonexistent.toml", "doctor"], "cannot read the configuration file"),
        (&["--database-url", "postgres://u@127.0.0.1:1/d", "doctor"], "DATABASE_URL"),
        (&["--database-url", "nonsense", "doctor"], "is not a URL"),
        (&["--log", "=/=", "doctor"], "log filter"),
    ] {
        let (ok, said) = run_program(arguments, &data).await;
        assert!(!ok && said.contains(hint), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    assert!(!dir.path().join("nothing").exists(), "a mistyped directory was made");
}

/// Flag before environment before file.
#[tokio::test]
async fn the_nearest_setting_wins() {
    let dir = data_dir(false);
    let config = dir.path().join("nexavpn.toml");
    std::fs::write(&config, "[database]\ndatabase_url = \"from the file\"\n").unwrap();
    let config = config.display().to_string();
    let path = dir.path().join("data").display().to_string();
    let file_only = [("NEXAVPN_CONFIG", config.as_str()), ("NEXAVPN_DATA_DIR", path.as_str())];
    let (_, said) = run_program(&["doctor"], &file_only).await;
    assert!(said.contains("is not a URL"), "{said}");
    let url = ("DATABASE_URL", "postgres://u@127.0.0.1:1/from_env");
    let both = [file_only[0], file_only[1], url];
    let (_, said) = run_program(&["doctor"], &both).await;
    assert!(said.contains("from_env"), "{said}");
    let flag = ["--database-url", "postgres://u@127.0.0.1:1/from_flag", "doctor"];
    let (_, said) = run_program(&flag, &both).await;
    assert!(said.contains("from_flag"), "{said}");
}
