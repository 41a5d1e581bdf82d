//! The devices counted by gateway, and those that there are.

use sqlx::PgConnection;
use uuid::Uuid;

/// Notes each gateway whose number of devices is not that of `device_index`.
pub(super) async fn compare(
    conn: &mut PgConnection,
    problems: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    let rows: Vec<(Uuid, i16, i64, i64)> = sqlx::query_as(
        "SELECT gateway_id, shard, coalesce(l.devices, 0), coalesce(i.devices, 0)
         FROM gateway_load l FULL JOIN (
             SELECT gateway_id, gateway_load_shard(device_id) AS shard, count(*) AS devices
             FROM device_index GROUP BY 1, 2) i USING (gateway_id, shard)
         WHERE coalesce(l.devices, 0) <> coalesce(i.devices, 0) ORDER BY 1, 2",
    )
    .fetch_all(conn)
    .await?;
    problems.extend(rows.into_iter().map(|(gateway, shard, counted, there)| {
        format!("gateway {gateway} has {there} devices in part {shard}, counted as {counted}")
    }));
    Ok(())
}
