//! Clients generated from the document, in TypeScript and in Python, live through the same short
//! scenario against a live server.

use std::path::Path;

use nexavpn_tests::harness::{ADMIN, PASSWORD};

use super::tools::{program, root, succeed};
use crate::api_admin::Plane;

async fn plane() -> Plane {
    let plane = Plane::start().await;
    plane.gateway("berlin", "100.96.0.0/16").await;
    plane
}

/// `npm` in `web/`; `./test` has installed what the lock file names.
async fn npm(script: &[&str]) -> String {
    let web = root().join("web");
    assert!(
        web.join("node_modules/.package-lock.json").exists(),
        "the packages of web/ are not installed: `./test` does so"
    );
    let home = tempfile::tempdir().unwrap();
    let mut npm = program("npm", &web);
    npm.env("HOME", home.path()).args(["run", "--silent"]).args(script);
    succeed(npm).await
}

#[tokio::test]
async fn the_committed_typescript_types_are_those_of_the_document() {
    let place = tempfile::tempdir().unwrap();
    let fresh = place.path().join("schema.d.ts");
    npm(&["api:generate", "--", "--output", &fresh.display().to_string()]).await;
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        read(&fresh) == read(&root().join("web/src/api/schema.d.ts")),
        "web/src/api/schema.d.ts is not what api/openapi.json says. Refresh it in web/:\n\n    \
         npm ci && npm run api\n"
    );
}

#[tokio::test]
async fn the_typescript_client_compiles_strictly_and_works() {
    npm(&["check"]).await;
    let plane = plane().await;
    let said = npm(&["scenario", "--", &plane.server.base_url, ADMIN, PASSWORD]).await;
    assert!(said.ends_with("done\n"), "{said}");
    plane.server.stop().await;
}

#[tokio::test]
async fn the_python_client_is_generated_whole_and_works() {
    let place = tempfile::tempdir().unwrap();
    let document = root().join("api/openapi.json");
    let mut generate = program("openapi-python-client", place.path());
    generate.args(["generate", "--fail-on-warning", "--meta", "none", "--output-path"]);
    generate.arg("nexavpn_client").arg("--path").arg(document);
    generate.arg("--config").arg(root().join("tests/clients/generator.yaml"));
    succeed(generate).await;
    let python = async |script: &str, arguments: &[&str]| {
        let mut python = program("python", place.path());
        python.arg(root().join("tests/clients").join(script)).args(arguments);
        python.env("PYTHONPATH", place.path());
        let said = succeed(python).await;
        assert!(said.ends_with("done\n"), "{said}");
    };
    python("whole.py", &[]).await;
    let plane = plane().await;
    python("scenario.py", &[&plane.server.base_url, ADMIN, PASSWORD]).await;
    plane.server.stop().await;
}
