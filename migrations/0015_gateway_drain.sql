-- Gateways whose devices are moved elsewhere. While there is a row, the gateway gets no devices.

CREATE TABLE gateway_drain (
    gateway_id     uuid        PRIMARY KEY,
    target         uuid,
    correlation_id uuid        NOT NULL,
    started_at     timestamptz NOT NULL,
    -- Why the last devices could not be moved, and when that was tried; written by whoever tried.
    failed_at      timestamptz,
    code           text,
    message        text,
    CONSTRAINT gateway_drain_failure CHECK (num_nulls(failed_at, code, message) IN (0, 3))
);
