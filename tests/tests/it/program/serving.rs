//! `nexavpn serve`, its starts and its ends.

use nexavpn_tests::harness::{ADMIN, ServerProcess, WIDE, data_dir, poll_until, run_program};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{after, ready, sign_in};

/// The password is printed once, in clear, and survives whatever ends the server.
#[tokio::test]
async fn the_first_start_prints_a_password_that_outlives_every_kind_of_end() {
    let dir = data_dir(true);
    let path = dir.path().join("data").display().to_string();
    let arguments = ["--data-dir", path.as_str()];

    let server = ServerProcess::start_with(&arguments, &[]).await;
    // What is said of the first start follows its address.
    poll_until(WIDE, || async { server.output().contains("password  ") }).await;
    let printed = server.output();
    assert_eq!(after(&printed, "username  "), ADMIN);
    let password = after(&printed, "password  ").to_owned();
    assert!(password.len() >= 40, "{printed}");
    let (status, body) = sign_in(&server, ADMIN, &password).await;
    assert_eq!((status, &body["password_change_required"]), (200, &true.into()), "{body}");
    ready(&server).await;
    assert!(server.stop().await.success());

    let server = ServerProcess::start_with(&arguments, &[]).await;
    assert_eq!(sign_in(&server, ADMIN, &password).await.0, 200);
    ready(&server).await;
    assert!(!server.output().contains("password"), "{}", server.output());
    server.kill().await;

    let server = ServerProcess::start_with(&arguments, &[]).await;
    assert_eq!(sign_in(&server, ADMIN, &password).await.0, 200);
    assert!(server.stop().await.success());
}

/// PostgreSQL that is killed under a running server comes back.
#[tokio::test]
async fn a_killed_postgresql_is_started_again() {
    let dir = data_dir(true);
    let data = dir.path().join("data");
    let server = ServerProcess::start(&data).await;
    ready(&server).await;
    let pid_file = data.join("postgres/cluster/postmaster.pid");
    let pid = || {
        let text = std::fs::read_to_string(&pid_file).ok()?;
        text.lines().next()?.parse::<i32>().ok()
    };
    let before = pid().unwrap();
    kill(Pid::from_raw(before), Signal::SIGKILL).unwrap();
    poll_until(WIDE, || async { pid().is_some_and(|now| now != before) }).await;
    poll_until(WIDE, || async {
        let body = serde_json::json!({
            "username": ADMIN, "password": nexavpn_tests::harness::PASSWORD
        });
        let method = reqwest::Method::POST;
        let answer = server.client().try_send(method, "/auth/login", &[], Some(body)).await;
        answer.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    assert!(server.stop().await.success());
}

/// Without TLS nobody else is answered, and a lost key is not replaced in silence.
#[tokio::test]
async fn what_must_not_start_says_why() {
    let dir = data_dir(true);
    let data = dir.path().join("data");
    let path = data.display().to_string();
    let (ok, said) =
        run_program(&["serve", "--data-dir", &path, "--listen", "0.0.0.0:0"], &[]).await;
    assert!(!ok && said.contains("--insecure-http"), "{said}");
    assert!(!data.exists());

    assert!(ServerProcess::start(&data).await.stop().await.success());
    std::fs::rename(data.join("master.key"), data.join("away.key")).unwrap();
    let (ok, said) = run_program(&["serve", "--data-dir", &path], &[]).await;
    assert!(!ok && said.contains("master key file") && said.contains("is missing"), "{said}");
    assert!(!data.join("master.key").exists());
}
