//! The sealed keys of devices, which go with them.

use sqlx::PgConnection;
use uuid::Uuid;

/// Notes each device that has gone while its sealed keys have not.
pub(super) async fn compare(
    conn: &mut PgConnection,
    problems: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    let left: Vec<Uuid> = sqlx::query_scalar(
        "SELECT device_id FROM (SELECT device_id FROM device_preshared_key
                                UNION SELECT device_id FROM device_private_key) k
         WHERE NOT EXISTS (SELECT FROM device_index i WHERE i.device_id = k.device_id)
         ORDER BY device_id",
    )
    .fetch_all(conn)
    .await?;
    problems.extend(left.into_iter().map(|id| {
        format!("sealed keys are kept for device {id}, which is not among those that there are")
    }));
    Ok(())
}
