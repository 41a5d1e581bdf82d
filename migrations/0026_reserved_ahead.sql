-- A reservation for whatever address is free gives way to whoever wishes for that one: so a process
-- may reserve some ahead, for those who come next.
ALTER TABLE ip_slot ADD COLUMN yields boolean NOT NULL DEFAULT false;

-- As before (0023), with one statement for both locks, and none to count the owners and gateways of a
-- single device.
CREATE OR REPLACE FUNCTION index_devices(ids uuid[], owners uuid[], gateways uuid[],
                                         fingerprints text[], most bigint[]) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    several boolean := cardinality(ids) > 1;
    known   bigint;
    enabled boolean;
    kept    bigint;
    written integer;
BEGIN
    WITH owner AS MATERIALIZED (
        SELECT a.enabled FROM account a WHERE a.user_id = ANY (owners)
        ORDER BY a.user_id FOR UPDATE
    ), gateway AS MATERIALIZED (
        SELECT FROM claims c WHERE c.kind = 'gateway_name' AND c.aggregate_id = ANY (gateways::text[])
        ORDER BY c.aggregate_id FOR KEY SHARE
    )
    -- The owners are locked first: they are counted first.
    SELECT o.known, o.enabled, (SELECT count(*) FROM gateway) INTO known, enabled, kept
    FROM (SELECT count(*) AS known, bool_and(owner.enabled) AS enabled FROM owner) o;
    IF enabled IS NOT TRUE OR known < 1 OR kept < 1 THEN
        RETURN 0;
    END IF;
    IF several THEN
        IF known <> (SELECT count(DISTINCT o) FROM unnest(owners) o)
           OR kept <> (SELECT count(DISTINCT g) FROM unnest(gateways) g) THEN
            RETURN 0;
        END IF;
    END IF;
    -- Those of the same owner that come with it count, too.
    WITH new AS (
        INSERT INTO device_index (device_id, user_id, gateway_id, fingerprint_hmac)
        SELECT d.id, d.owner, d.gateway, d.fingerprint
        FROM (SELECT d.*, row_number() OVER (PARTITION BY d.owner ORDER BY d.id) AS nth
              FROM unnest(ids, owners, gateways, fingerprints, index_devices.most)
                   AS d (id, owner, gateway, fingerprint, most)) d
        WHERE (d.most IS NULL
               OR (SELECT count(*) FROM device_index i WHERE i.user_id = d.owner) + d.nth <= d.most)
          AND NOT EXISTS (SELECT FROM gateway_drain g WHERE g.gateway_id = d.gateway)
        RETURNING device_id, gateway_id
    ), load AS (
        INSERT INTO gateway_load AS l (gateway_id, shard, devices)
        SELECT n.gateway_id, gateway_load_shard(n.device_id), count(*) FROM new n
        GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (gateway_id, shard) DO UPDATE SET devices = l.devices + excluded.devices
    )
    SELECT count(*) INTO written FROM new;
    RETURN written;
END
$$;
