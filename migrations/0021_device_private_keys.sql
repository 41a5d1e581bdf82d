-- The private keys of devices whose configuration is served again (the wg-easy dialect), sealed. Of
-- all other devices no private key is kept.
CREATE TABLE device_private_key (
    device_id uuid  NOT NULL,
    sealed    bytea NOT NULL,
    CONSTRAINT device_private_key_pkey PRIMARY KEY (device_id),
    -- Shredded with the device. Both rows are written with the same append, in no order.
    CONSTRAINT device_private_key_device FOREIGN KEY (device_id)
        REFERENCES device_index (device_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
