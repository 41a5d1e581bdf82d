-- Planned rotations of gateways' keys.

ALTER TABLE gateway_status ADD COLUMN features text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN gateway_status.features IS 'What the agent knows of beyond the first bundles';

-- The newest key of its gateway that each device has fetched with its profile, where that key came
-- or comes by a planned rotation.
CREATE TABLE device_gateway_key (
    device_id  uuid        PRIMARY KEY,
    public_key text        NOT NULL,
    -- When it was first fetched.
    fetched_at timestamptz NOT NULL
);
