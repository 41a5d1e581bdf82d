//! Questions about the past.

mod moments;

use serde_json::Value;

use crate::api_admin::Plane;

/// The number of the newest event, and when it took effect.
async fn newest(plane: &Plane) -> (i64, String) {
    let (status, page) = plane.admin.get("/admin/audit-logs?page_size=1").await;
    assert_eq!(status, 200, "{page}");
    let entry = &page["items"][0];
    (entry["idx"].as_i64().unwrap(), entry["time"].as_str().unwrap().to_owned())
}

/// A question that is answered.
async fn ask(plane: &Plane, path: &str) -> Value {
    let (status, answer) = plane.admin.get(path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}
