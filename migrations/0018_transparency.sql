-- The transparency log: a Merkle tree over the events in their order, in tiles.

-- All of it but the last hashes can be derived again from the events.
CREATE TABLE log_tile (
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    n      bigint   NOT NULL CHECK (n >= 0),
    -- Up to 256 hashes of 32 bytes.
    hashes bytea    NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    CONSTRAINT log_tile_pkey PRIMARY KEY (level, n)
);
-- Hashes cannot be compressed.
ALTER TABLE log_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE log_tree (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    -- How many events are in the tree.
    size   bigint  NOT NULL,
    root   bytea   NOT NULL CHECK (length(root) = 32)
);
INSERT INTO log_tree (size, root) VALUES (0, sha256(''));

-- Every checkpoint that was ever signed.
CREATE TABLE log_checkpoint (
    size      bigint      PRIMARY KEY,
    root      bytea       NOT NULL CHECK (length(root) = 32),
    note      text        NOT NULL,
    signed_at timestamptz NOT NULL
);

CREATE FUNCTION reject_change_of_checkpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'checkpoints are append-only: % is not allowed', TG_OP USING ERRCODE = 'NX001';
END
$$;
CREATE TRIGGER log_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION reject_change_of_checkpoints();
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER log_checkpoint_append_only;

-- Checkpoints that auditors brought back, to be asked about later.
CREATE TABLE log_pin (
    size      bigint      PRIMARY KEY,
    root      bytea       NOT NULL CHECK (length(root) = 32),
    -- As it was brought, with the signatures of others that it may have.
    note      text        NOT NULL,
    pinned_by uuid        NOT NULL,
    pinned_at timestamptz NOT NULL
);
