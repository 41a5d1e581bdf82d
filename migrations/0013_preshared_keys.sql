-- The preshared keys of devices, sealed: their gateway fetches them, nobody else sees them again.
CREATE TABLE device_preshared_key (
    device_id uuid  NOT NULL,
    psk_ref   text  NOT NULL,
    sealed    bytea NOT NULL,
    CONSTRAINT device_preshared_key_pkey PRIMARY KEY (device_id),
    -- A device that is not a peer any more has none. Both rows are written with the same append, in
    -- no order.
    CONSTRAINT device_preshared_key_device FOREIGN KEY (device_id)
        REFERENCES device_index (device_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
