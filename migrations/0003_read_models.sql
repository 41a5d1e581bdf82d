-- Read models: what queries answer from. Every table here can be folded again from the events
-- (`nexavpn rebuild`), which makes it anew as LIKE … INCLUDING ALL and puts it in the old one's
-- place. So: no foreign keys between projections, no sequences, no defaults that depend on the
-- moment, and indexes without names of their own (a copy gets the same generated ones).
--
-- Columns that end in _key are what lists sort and search by. They compare by code point, so that
-- one index serves order and prefix search and no collation update can break it.

CREATE SCHEMA read;

CREATE TABLE read.projection_checkpoint (
    name          text    PRIMARY KEY,
    version       integer NOT NULL,
    -- The last event folded.
    idx           bigint  NOT NULL CHECK (idx >= 0),
    -- How many rows a list without a filter has.
    total         bigint  NOT NULL CHECK (total >= 0),
    -- The event that stopped the projection, and why (never with personal data).
    failed_idx    bigint,
    failed_reason text,
    CHECK ((failed_idx IS NULL) = (failed_reason IS NULL))
);

CREATE TABLE read.users (
    id                   uuid        PRIMARY KEY,
    -- Personal; null once erased.
    username             text,
    display_name         text,
    email                text,
    role                 text        NOT NULL,
    enabled              boolean     NOT NULL,
    must_change_password boolean     NOT NULL,
    deleted_at           timestamptz,
    erased_at            timestamptz,
    status text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN erased_at IS NOT NULL THEN 'erased' WHEN deleted_at IS NOT NULL THEN 'deleted'
             WHEN enabled THEN 'active' ELSE 'disabled' END) STORED,
    username_key     text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (coalesce(lower(username), '')) STORED,
    display_name_key text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (coalesce(lower(display_name), '')) STORED,
    email_key        text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (coalesce(lower(email), '')) STORED,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
-- A deleted user keeps the row, for the names in the audit log.
CREATE INDEX ON read.users (username_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.users (display_name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.users (email_key) WHERE deleted_at IS NULL;
CREATE INDEX ON read.users (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.users (role, username_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.users (status, username_key, id) WHERE deleted_at IS NULL;

CREATE TABLE read.groups (
    id           uuid        PRIMARY KEY,
    name         text        NOT NULL,
    description  text        NOT NULL,
    member_count bigint      NOT NULL CHECK (member_count >= 0),
    deleted_at   timestamptz,
    name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON read.groups (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.groups (created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE read.group_members (
    group_id uuid        NOT NULL,
    user_id  uuid        NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX ON read.group_members (user_id);

-- Who was deleted, so that somebody added at that very moment is not shown as a member.
CREATE TABLE read.group_departed (
    user_id uuid PRIMARY KEY
);

CREATE TABLE read.devices (
    id                uuid        PRIMARY KEY,
    owner_id          uuid        NOT NULL,
    -- Personal; null once the owner is erased.
    name              text,
    os_version        text,
    fingerprint       text,
    platform          text        NOT NULL,
    app_version       text,
    public_key        text        NOT NULL,
    key_origin        text        NOT NULL,
    key_changed_at    timestamptz NOT NULL,
    gateway_id        uuid        NOT NULL,
    slot              bigint      NOT NULL,
    address_v4        inet        NOT NULL,
    address_v6        inet,
    enabled           boolean     NOT NULL,
    owner_enabled     boolean     NOT NULL,
    expires_at        timestamptz,
    expired           boolean     NOT NULL,
    rotation_deadline timestamptz,
    rotation_lapsed   boolean     NOT NULL,
    revoked_at        timestamptz,
    -- The same words in the same order as the domain's.
    status text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN NOT owner_enabled THEN 'owner_disabled'
             WHEN NOT enabled THEN 'disabled' WHEN expired THEN 'expired'
             WHEN rotation_lapsed THEN 'rotation_lapsed' ELSE 'active' END) STORED,
    name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (coalesce(lower(name), '')) STORED,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON read.devices (name_key, id);
CREATE INDEX ON read.devices (created_at, id);
CREATE INDEX ON read.devices (owner_id, name_key, id);
CREATE INDEX ON read.devices (gateway_id, name_key, id);
CREATE INDEX ON read.devices (status, name_key, id);
CREATE INDEX ON read.devices (platform, name_key, id);
CREATE INDEX ON read.devices (public_key);
CREATE INDEX ON read.devices (host(address_v4));
CREATE INDEX ON read.devices (host(address_v6));

-- What the devices projection knows about users, so that it can be rebuilt without another one.
CREATE TABLE read.device_owners (
    user_id uuid    PRIMARY KEY,
    enabled boolean NOT NULL
);

CREATE TABLE read.policies (
    id          uuid        PRIMARY KEY,
    -- The domain's PolicyFields.
    fields      jsonb       NOT NULL,
    activated   boolean     NOT NULL,
    expired     boolean     NOT NULL,
    -- The idx of its creation: its age among policies of equal priority and effect.
    created_idx bigint      NOT NULL,
    deleted_at  timestamptz,
    in_force boolean NOT NULL GENERATED ALWAYS AS (
        (fields->>'enabled')::boolean AND activated AND NOT expired AND deleted_at IS NULL) STORED,
    name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(fields->>'name')) STORED,
    priority bigint NOT NULL GENERATED ALWAYS AS ((fields->>'priority')::bigint) STORED,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON read.policies (priority, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies USING gin ((fields->'targets') jsonb_path_ops);

CREATE TABLE read.gateways (
    id            uuid        PRIMARY KEY,
    -- The domain's GatewayFields.
    fields        jsonb       NOT NULL,
    public_key    text,
    joined_at     timestamptz,
    agent_version text,
    deleted_at    timestamptz,
    name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(fields->>'name')) STORED,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON read.gateways (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.gateways (created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE read.sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL,
    device_id    uuid,
    method       text        NOT NULL,
    ended_at     timestamptz,
    end_reason   text,
    token_reused boolean     NOT NULL,
    version    bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON read.sessions (created_at, id);
CREATE INDEX ON read.sessions (user_id, created_at, id);
CREATE INDEX ON read.sessions (created_at, id) WHERE ended_at IS NULL;

-- The index of the audit log; its entries are the events themselves.
CREATE TABLE read.audit_log (
    idx         bigint      PRIMARY KEY,
    time        timestamptz NOT NULL,
    event_type  text        NOT NULL,
    entity_type text        NOT NULL,
    entity_id   text        NOT NULL,
    actor_type  text        NOT NULL,
    actor_id    text,
    status      text        NOT NULL,
    request_id  text
);
CREATE INDEX ON read.audit_log (event_type, idx);
CREATE INDEX ON read.audit_log (entity_type, idx);
CREATE INDEX ON read.audit_log (entity_id, idx);
CREATE INDEX ON read.audit_log (actor_id, idx);
CREATE INDEX ON read.audit_log (status, idx);
