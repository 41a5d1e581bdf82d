-- Rows that must live or die with the events of one command, and that are not events themselves:
-- hashes of secrets, and what is needed to decide quickly. Only the append writes them, except for
-- the rotation of refresh tokens.

CREATE TABLE account (
    user_id              uuid PRIMARY KEY,
    role                 text NOT NULL CHECK (role IN ('admin', 'auditor', 'user')),
    enabled              boolean NOT NULL,
    must_change_password boolean NOT NULL,
    password_hash        text
);
COMMENT ON TABLE account IS 'What signing in needs: argon2id hash (PHC string), role and state';

CREATE TABLE session (
    session_id uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    device_id  uuid,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_of_user ON session (user_id);
COMMENT ON TABLE session IS 'Sessions that may act; an ended one has no row';

CREATE TABLE refresh_token (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_token_session ON refresh_token (session_id);
COMMENT ON TABLE refresh_token IS 'SHA-256 of refresh tokens, used ones kept to notice their reuse';

CREATE TABLE device_index (
    device_id        uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    gateway_id       uuid NOT NULL,
    fingerprint_hmac text
);
CREATE INDEX device_index_user ON device_index (user_id);
CREATE INDEX device_index_gateway ON device_index (gateway_id);
COMMENT ON TABLE device_index IS 'Devices that are not revoked';

CREATE TABLE gateway_join_token (
    gateway_id uuid PRIMARY KEY,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    expires_at timestamptz NOT NULL
);

CREATE TABLE gateway_credential (
    gateway_id uuid PRIMARY KEY,
    hash       bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE UNIQUE INDEX gateway_credential_hash ON gateway_credential (hash);

CREATE TABLE due (
    aggregate_type text NOT NULL,
    aggregate_id   uuid NOT NULL,
    at             timestamptz NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);
CREATE INDEX due_at ON due (at);
COMMENT ON TABLE due IS 'When the clock process has to look at an aggregate again';
