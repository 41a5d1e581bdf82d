-- The event store: the log and what is kept beside it in the transaction that appends.

CREATE TABLE events (
    aggregate_type text     NOT NULL,
    aggregate_id   text     NOT NULL,
    sequence       bigint   NOT NULL CHECK (sequence > 0),
    event_type     text     NOT NULL,
    event_version  text     NOT NULL,
    payload        json     NOT NULL,
    metadata       json     NOT NULL,
    pos            bigint   GENERATED ALWAYS AS IDENTITY,
    -- Raised by `nexavpn restore accept`: transaction ids start anew in another cluster.
    gen            smallint NOT NULL DEFAULT 1,
    tx             bigint   NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT events_pkey PRIMARY KEY (aggregate_type, aggregate_id, sequence),
    CONSTRAINT events_order UNIQUE (gen, tx, pos)
);

CREATE FUNCTION reject_change_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is not allowed', TG_OP USING ERRCODE = 'NX001';
END
$$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION reject_change_of_events();
-- Also where session_replication_role switches ordinary triggers off.
ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only;

-- The total order: a pure function of events, kept for reading by number.
CREATE TABLE log_index (
    idx            bigint      PRIMARY KEY,
    gen            smallint    NOT NULL,
    tx             bigint      NOT NULL,
    pos            bigint      NOT NULL,
    -- The largest recorded_at among 1..idx.
    effective_time timestamptz NOT NULL,
    CONSTRAINT log_index_order UNIQUE (gen, tx, pos)
);

CREATE TABLE log_head (
    single         boolean     PRIMARY KEY DEFAULT true CHECK (single),
    idx            bigint      NOT NULL,
    gen            smallint    NOT NULL,
    tx             bigint      NOT NULL,
    pos            bigint      NOT NULL,
    effective_time timestamptz NOT NULL
);
INSERT INTO log_head (idx, gen, tx, pos, effective_time) VALUES (0, 0, 0, 0, 'epoch');

CREATE TABLE store_meta (
    single            boolean  PRIMARY KEY DEFAULT true CHECK (single),
    gen               smallint NOT NULL,
    -- Unix time at which this history began or was last accepted after a restore.
    epoch             bigint   NOT NULL,
    -- Of the cluster whose transaction ids the present gen is counted in.
    system_identifier bigint   NOT NULL
);
INSERT INTO store_meta (gen, epoch, system_identifier)
SELECT 1, extract(epoch FROM clock_timestamp())::bigint, system_identifier
FROM pg_control_system();

CREATE TABLE claims (
    kind           text NOT NULL,
    key            text NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    CONSTRAINT claims_pkey PRIMARY KEY (kind, key)
);
CREATE INDEX claims_by_holder ON claims (aggregate_id, kind);

-- Networks of gateways, which may not overlap.
CREATE TABLE pool_claims (
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    network        inet NOT NULL,
    CONSTRAINT pool_claims_pkey PRIMARY KEY (aggregate_type, aggregate_id, network),
    CONSTRAINT pool_claims_overlap EXCLUDE USING gist (network inet_ops WITH &&)
);

-- How many slots of a gateway's pool have rows: they are made in blocks on demand.
CREATE TABLE ip_pool (
    gateway_id uuid   PRIMARY KEY,
    made_to    bigint NOT NULL
);

CREATE TABLE ip_slot (
    gateway_id     uuid   NOT NULL,
    slot           bigint NOT NULL CHECK (slot > 1),
    held_by        uuid,
    reservation    uuid,
    reserved_until timestamptz,
    -- A released address rests until then.
    free_after     timestamptz,
    CONSTRAINT ip_slot_pkey PRIMARY KEY (gateway_id, slot),
    CONSTRAINT ip_slot_one_use CHECK (held_by IS NULL OR reservation IS NULL),
    CONSTRAINT ip_slot_reserved_until
        CHECK ((reservation IS NULL) = (reserved_until IS NULL))
);
CREATE INDEX ip_slot_free ON ip_slot (gateway_id, slot) WHERE held_by IS NULL;
CREATE UNIQUE INDEX ip_slot_holder ON ip_slot (held_by) WHERE held_by IS NOT NULL;
CREATE UNIQUE INDEX ip_slot_reservation ON ip_slot (reservation) WHERE reservation IS NOT NULL;

-- A person's data key, wrapped by the master key. Deleting the row erases the person's data.
CREATE TABLE data_key (
    user_id    uuid        PRIMARY KEY,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Signing keys and the like, wrapped by the master key.
CREATE TABLE sealed_secret (
    name       text        PRIMARY KEY,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE idempotency (
    principal    text        NOT NULL,
    route        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    status       smallint    NOT NULL,
    -- Sealed.
    body         bytea       NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
