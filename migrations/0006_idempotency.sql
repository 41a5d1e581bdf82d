-- What a repeat is answered with where the first answer was never kept: the process ended between
-- the commit and the answer, or a person was erased since.

ALTER TABLE idempotency
    -- Which run of the request wrote the row: only that one may write to it again.
    ADD COLUMN execution   uuid        NOT NULL,
    ADD COLUMN recorded_at timestamptz NOT NULL,
    -- What the request made or changed, where that is known.
    ADD COLUMN entity_id   uuid;

COMMENT ON TABLE idempotency IS
    'Requests that happened, by their Idempotency-Key (keyed hash); written with their events';
COMMENT ON COLUMN idempotency.body IS 'The sealed answer; empty until it is known';
