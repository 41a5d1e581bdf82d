-- What was published to gateways and applied by them, and what they and devices report.

-- Written before a bundle is served: a gateway that reports one that is not here has seen a
-- history that we have lost.
CREATE TABLE bundle_publication (
    gateway_id   uuid        NOT NULL,
    epoch        bigint      NOT NULL,
    revision     bigint      NOT NULL,
    sha256       text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    published_at timestamptz NOT NULL,
    CONSTRAINT bundle_publication_pkey PRIMARY KEY (gateway_id, epoch, revision)
);

CREATE TABLE bundle_application (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id      uuid        NOT NULL,
    -- Absent where nothing in a refused bundle could be believed.
    epoch           bigint,
    revision        bigint,
    sha256          text        CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at      timestamptz,
    rejected_at     timestamptz,
    rejected_code   text,
    rejected_reason text,
    CONSTRAINT bundle_application_one_outcome CHECK (
        num_nulls(applied_at, rejected_at) = 1
        AND num_nulls(rejected_at, rejected_code, rejected_reason) IN (0, 3)
        AND (applied_at IS NULL OR num_nulls(epoch, revision, sha256) = 0))
);
CREATE UNIQUE INDEX bundle_application_applied
    ON bundle_application (gateway_id, epoch, revision, sha256) WHERE applied_at IS NOT NULL;
CREATE INDEX bundle_application_gateway ON bundle_application (gateway_id, id);

CREATE FUNCTION reject_change_of_bundle_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'NX001';
END
$$;

CREATE TRIGGER bundle_publication_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON bundle_publication FOR EACH STATEMENT EXECUTE FUNCTION reject_change_of_bundle_records();
ALTER TABLE bundle_publication ENABLE ALWAYS TRIGGER bundle_publication_append_only;
CREATE TRIGGER bundle_application_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON bundle_application FOR EACH STATEMENT EXECUTE FUNCTION reject_change_of_bundle_records();
ALTER TABLE bundle_application ENABLE ALWAYS TRIGGER bundle_application_append_only;

-- The newest report of each gateway.
CREATE TABLE gateway_status (
    gateway_id        uuid        PRIMARY KEY,
    agent_version     text        NOT NULL,
    -- By the node's clock and by ours.
    reported_at       timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    applied_epoch     bigint,
    applied_revision  bigint,
    applied_sha256    text,
    rejected_epoch    bigint,
    rejected_revision bigint,
    rejected_code     text,
    rejected_reason   text,
    -- Until our epoch exceeds this one, the gateway knows a history that we have lost.
    lost_epoch        bigint,
    CONSTRAINT gateway_status_applied
        CHECK (num_nulls(applied_epoch, applied_revision, applied_sha256) IN (0, 3))
);

-- The newest facts about each peer, as its gateway reports them.
CREATE TABLE peer_status (
    device_id        uuid        PRIMARY KEY,
    gateway_id       uuid        NOT NULL,
    latest_handshake timestamptz,
    rx_bytes         bigint      NOT NULL,
    tx_bytes         bigint      NOT NULL,
    reported_at      timestamptz NOT NULL
);

-- The newest heartbeat of each device.
CREATE TABLE device_telemetry (
    device_id    uuid        PRIMARY KEY,
    last_seen_at timestamptz NOT NULL,
    app_version  text
);
