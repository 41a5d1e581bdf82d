-- Lists find rows by the beginning of any word of their names, and every filter has an index.

-- The words of a text, in lower case. Punctuation separates words, so that the parser never takes
-- an address or a path for a single one. A copy of a table (`nexavpn rebuild`) calls it too.
CREATE FUNCTION read.words(text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig,
                       translate($1, $$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~$$, repeat(' ', 32)));

ALTER TABLE read.users ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (
    read.words(coalesce(username, '') || ' ' || coalesce(display_name, '') || ' '
               || coalesce(email, ''))) STORED;
ALTER TABLE read.groups ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (read.words(name)) STORED;
ALTER TABLE read.devices ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (read.words(coalesce(name, ''))) STORED;
ALTER TABLE read.policies ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (read.words(fields->>'name')) STORED;
ALTER TABLE read.gateways ADD COLUMN words tsvector NOT NULL
    GENERATED ALWAYS AS (read.words(fields->>'name')) STORED;

-- Columns of their own, because PostgreSQL keeps no usable statistics on a partial index's
-- expressions.
ALTER TABLE read.policies
    ADD COLUMN enabled boolean NOT NULL GENERATED ALWAYS AS ((fields->>'enabled')::boolean) STORED,
    ADD COLUMN effect text NOT NULL GENERATED ALWAYS AS (fields->>'effect') STORED;

-- Without a list of pending entries, which every search would have to read through.
CREATE INDEX ON read.users USING gin (words) WITH (fastupdate = off) WHERE deleted_at IS NULL;
CREATE INDEX ON read.groups USING gin (words) WITH (fastupdate = off) WHERE deleted_at IS NULL;
CREATE INDEX ON read.devices USING gin (words) WITH (fastupdate = off);
CREATE INDEX ON read.policies USING gin (words) WITH (fastupdate = off) WHERE deleted_at IS NULL;
CREATE INDEX ON read.gateways USING gin (words) WITH (fastupdate = off) WHERE deleted_at IS NULL;

-- PostgreSQL does not look for IS NULL in the index of an expression.
CREATE INDEX ON read.devices (name_key, id) WHERE revoked_at IS NULL;
CREATE INDEX ON read.devices (name_key, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX ON read.gateways (name_key, id) WHERE joined_at IS NULL AND deleted_at IS NULL;
CREATE INDEX ON read.gateways (name_key, id) WHERE joined_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX ON read.sessions (created_at, id) WHERE ended_at IS NOT NULL;

CREATE INDEX ON read.policies (in_force, priority, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (enabled, priority, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (effect, priority, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.gateways (public_key) WHERE deleted_at IS NULL;
