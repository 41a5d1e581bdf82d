-- A dialect lists all devices of one user, the oldest first. Those that are revoked pile up beside
-- them, and must not be read each time.
CREATE INDEX ON read.devices (owner_id, created_at, id) WHERE revoked_at IS NULL;
