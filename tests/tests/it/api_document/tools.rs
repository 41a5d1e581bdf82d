//! The programs that `./test` installs beside the build: schemathesis, Node.js, a generator of
//! Python clients.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::Command;

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The directory of the programs.
pub(crate) fn directory() -> PathBuf {
    let given = std::env::var_os("NEXAVPN_TEST_TOOLS").map(PathBuf::from);
    let directory = given.unwrap_or_else(|| root().join("target/test-tools"));
    assert!(
        directory.join("bin/schemathesis").exists(),
        "{} does not hold the programs that this test needs: `./test` installs them",
        directory.display()
    );
    directory
}

/// One of the programs, run in `place`, so that what it leaves behind goes with that.
pub(crate) fn program(name: &str, place: &Path) -> Command {
    let programs = directory().join("bin");
    let mut path = vec![programs.clone()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(programs.join(name));
    command
        .current_dir(place)
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("HOME", place)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// What a program says and whether it was content.
pub(super) async fn run(mut command: Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.success(), format!("{}{}", text(stdout), text(stderr)))
}

/// Runs a program that must succeed.
pub(crate) async fn succeed(command: Command) -> String {
    let (success, output) = run(command).await;
    assert!(success, "{output}");
    output
}
