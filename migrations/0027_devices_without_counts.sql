-- An enrolment writes less.

-- Which gateway has the fewest devices is known in memory, to the fleet; where it is not, the devices
-- are counted.
DROP TABLE gateway_load;

-- A device's keys are deleted by the statement that deletes its row here, and written by the same
-- append as that row; `nexavpn verify` looks for others. Two foreign keys said the same with a query
-- of their own for each key.
ALTER TABLE device_preshared_key DROP CONSTRAINT device_preshared_key_device;
ALTER TABLE device_private_key DROP CONSTRAINT device_private_key_device;

-- Locks owners and gateways of new devices and writes those that may be; answers how many. What was
-- committed while it waited for a lock is seen by the statement after it.
CREATE OR REPLACE FUNCTION index_devices(ids uuid[], owners uuid[], gateways uuid[],
                                         fingerprints text[], most bigint[]) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    locked  integer;
    written integer;
BEGIN
    PERFORM FROM unnest(owners, gateways) AS d (owner, gateway)
    JOIN account a ON a.user_id = d.owner
    JOIN claims c ON c.kind = 'gateway_name' AND c.aggregate_id = d.gateway::text
    WHERE a.enabled
    -- In order, so that two batches do not wait for each other in a circle.
    ORDER BY a.user_id, c.aggregate_id
    FOR UPDATE OF a FOR KEY SHARE OF c;
    GET DIAGNOSTICS locked = ROW_COUNT;
    IF locked < cardinality(ids) THEN
        RETURN 0;
    END IF;
    INSERT INTO device_index (device_id, user_id, gateway_id, fingerprint_hmac)
    SELECT d.id, d.owner, d.gateway, d.fingerprint
    -- Those of the same owner that come with it count, too.
    FROM (SELECT d.*, row_number() OVER (PARTITION BY d.owner ORDER BY d.id) AS nth
          FROM unnest(ids, owners, gateways, fingerprints, index_devices.most)
               AS d (id, owner, gateway, fingerprint, most)) d
    WHERE (d.most IS NULL
           OR (SELECT count(*) FROM device_index i WHERE i.user_id = d.owner) + d.nth <= d.most)
      AND NOT EXISTS (SELECT FROM gateway_drain g WHERE g.gateway_id = d.gateway);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$;

DROP FUNCTION gateway_load_shard;
