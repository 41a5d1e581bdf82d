-- A gateway may go back to a bundle that it had in force before. Each time one comes into force is an
-- entry of its own, so one bundle may have several.
DROP INDEX bundle_application_applied;
CREATE INDEX bundle_application_applied
    ON bundle_application (gateway_id, epoch, revision, sha256, applied_at)
    WHERE applied_at IS NOT NULL;
