-- How many devices each gateway has, so that choosing the one with the fewest counts none. A single
-- number would make all enrolments at one gateway wait for each other until the commit: each device
-- is counted in one of 16 parts.

CREATE TABLE gateway_load (
    gateway_id uuid     NOT NULL,
    shard      smallint NOT NULL CHECK (shard BETWEEN 0 AND 15),
    devices    bigint   NOT NULL,
    PRIMARY KEY (gateway_id, shard)
);
COMMENT ON TABLE gateway_load IS 'The devices in device_index, counted by gateway';

-- The part in which a device is counted.
CREATE FUNCTION gateway_load_shard(device_id uuid) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (get_byte(uuid_send(device_id), 15) & 15)::smallint;

INSERT INTO gateway_load (gateway_id, shard, devices)
SELECT gateway_id, gateway_load_shard(device_id), count(*) FROM device_index GROUP BY 1, 2;
