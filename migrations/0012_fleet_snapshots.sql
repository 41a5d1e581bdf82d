-- Folded states of the fleet, kept at intervals: a start goes on from the newest one, and a question
-- about the past from the newest one before it. They can be dropped at any time.

CREATE TABLE fleet_snapshot (
    -- The code that folded; a state is of no use to any other.
    fold    text        NOT NULL,
    -- The last event in it, and that event's place: a state of another history is of no use.
    idx     bigint      NOT NULL,
    gen     smallint    NOT NULL,
    tx      bigint      NOT NULL,
    pos     bigint      NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Compressed and sealed.
    state   bytea       NOT NULL,
    CONSTRAINT fleet_snapshot_pkey PRIMARY KEY (fold, idx)
);

-- It cannot be compressed further.
ALTER TABLE fleet_snapshot ALTER COLUMN state SET STORAGE EXTERNAL;
