-- Which devices end soon, and which were seen lately, asked of all of them and not of a page.

-- The moment at which a device stops being a peer unless somebody acts; the last one there is where
-- there is none.
ALTER TABLE read.devices ADD COLUMN due_at timestamptz NOT NULL GENERATED ALWAYS AS (
    coalesce(least(expires_at, rotation_deadline), timestamptz '9999-12-31 00:00:00+00')) STORED;
CREATE INDEX ON read.devices (due_at, id);

CREATE INDEX ON peer_status (latest_handshake);
CREATE INDEX ON device_telemetry (last_seen_at);
