-- Where events are sent to, and how far that has come.

-- Folded from the events.
CREATE TABLE read.webhooks (
    id               uuid        PRIMARY KEY,
    url              text        NOT NULL,
    description      text        NOT NULL,
    event_types      jsonb       NOT NULL,
    enabled          boolean     NOT NULL,
    disabled_because text,
    previous_until   timestamptz,
    deleted_at       timestamptz,
    version          bigint      NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);
CREATE INDEX ON read.webhooks (created_at, id) WHERE deleted_at IS NULL;

-- How far each has come. Made, enabled and removed with the events; the rest is written as events
-- are sent, and is no history.
CREATE TABLE webhook_delivery (
    webhook_id      uuid        PRIMARY KEY,
    enabled         boolean     NOT NULL,
    -- The number of the last event that was taken, or passed over because it is not wanted.
    cursor          bigint      NOT NULL CHECK (cursor >= 0),
    -- Which process sends.
    worker          uuid,
    -- Attempts that failed since the last one that did not.
    failures        integer     NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failing_since   timestamptz,
    next_attempt_at timestamptz,
    last_attempt_at timestamptz,
    last_status     smallint,
    last_error      text,
    delivered_at    timestamptz
);

-- Processes that send. Each says again and again that it lives.
CREATE TABLE webhook_worker (
    id          uuid        PRIMARY KEY,
    alive_until timestamptz NOT NULL
);

-- Sealed. The one without an end is the newest.
CREATE TABLE webhook_secret (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id  uuid        NOT NULL,
    sealed      bytea       NOT NULL,
    valid_until timestamptz
);
CREATE INDEX ON webhook_secret (webhook_id);
