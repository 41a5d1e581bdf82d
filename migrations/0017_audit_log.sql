-- What the audit log can be asked besides, and where to find what a field was before.

ALTER TABLE read.audit_log
    -- The events that set, before this one, the fields that it sets.
    ADD COLUMN priors     bigint[],
    -- The user whom it concerns.
    ADD COLUMN about      uuid,
    -- The keyed hash of where the request came from; of a failure only the network is known.
    ADD COLUMN origin     text,
    ADD COLUMN network    cidr,
    -- What can be searched: without personal data, and with them. Those are taken out when one of
    -- the subjects is erased.
    ADD COLUMN said       text NOT NULL DEFAULT '',
    ADD COLUMN personal   text,
    ADD COLUMN subjects   uuid[];
ALTER TABLE read.audit_log ALTER COLUMN said DROP DEFAULT;
ALTER TABLE read.audit_log
    ADD COLUMN words tsvector NOT NULL
        GENERATED ALWAYS AS (read.words(coalesce(personal, said))) STORED;

CREATE INDEX ON read.audit_log (about, idx) WHERE about IS NOT NULL;
CREATE INDEX ON read.audit_log (request_id);
CREATE INDEX ON read.audit_log (origin, idx) WHERE origin IS NOT NULL;
CREATE INDEX ON read.audit_log USING gist (network inet_ops) WHERE network IS NOT NULL;
CREATE INDEX ON read.audit_log USING gin (subjects) WHERE subjects IS NOT NULL;
CREATE INDEX ON read.audit_log USING gin (words);

-- Which event set each field of an entity last, and whom the entity concerns.
CREATE TABLE read.audit_entities (
    entity_type text  NOT NULL,
    entity_id   text  NOT NULL,
    setters     jsonb NOT NULL,
    about       uuid,
    PRIMARY KEY (entity_type, entity_id)
);
