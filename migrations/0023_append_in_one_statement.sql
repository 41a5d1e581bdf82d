-- An append is written by one statement, which is a transaction of its own. Two things cannot be said
-- in it otherwise.

-- Ends the statement, and with it the transaction, where something is not as it has to be. Whoever
-- wrote the statement then finds out what by smaller ones.
CREATE FUNCTION demand(holds boolean) RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'a part of the append does not hold' USING ERRCODE = 'NX001';
    END IF;
    RETURN true;
END
$$;

-- Counts devices to their owners and gateways; answers how many of them. None where an owner is
-- unknown or disabled, or a gateway unknown. One is left out where its owner has as many already as
-- `most` says (null: no matter how many), or its gateway is being drained.
--
-- The accounts are locked first, so that two enrolments of one user go in a row and both count. The
-- gateways are kept from being deleted or drained until the commit: a deletion looks for devices only
-- after it has given up the name, which waits for this lock, and a drain begins with a lock of its own
-- on the name. Whether one has begun is seen by the statement after the locks.
CREATE FUNCTION index_devices(ids uuid[], owners uuid[], gateways uuid[], fingerprints text[],
                              most bigint[]) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    known   bigint;
    enabled boolean;
    kept    bigint;
    written integer;
BEGIN
    SELECT count(*), bool_and(a.enabled) INTO known, enabled
    FROM (SELECT account.enabled FROM account WHERE user_id = ANY (owners)
          ORDER BY user_id FOR UPDATE) a;
    SELECT count(*) INTO kept
    FROM (SELECT FROM claims WHERE kind = 'gateway_name' AND aggregate_id = ANY (gateways::text[])
          ORDER BY aggregate_id FOR KEY SHARE) c;
    IF enabled IS NOT TRUE OR known <> (SELECT count(DISTINCT o) FROM unnest(owners) o)
       OR kept <> (SELECT count(DISTINCT g) FROM unnest(gateways) g) THEN
        RETURN 0;
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

-- The two statements with which a batch of read models begins and ends, so that each can be sent
-- together with the BEGIN or the COMMIT. `projection_checkpoint` is the one of the search path: that of
-- the live tables, or of a rebuild's.

-- Moves checkpoints if all of them are still where they are believed to be; then they are the caller's
-- until the transaction ends. Locked in the order of names, so that two processes cannot block each
-- other. Answers how many were moved.
CREATE FUNCTION take_checkpoints(names text[], versions integer[], at_idx bigint, to_idx bigint)
    RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    taken bigint;
BEGIN
    WITH own AS MATERIALIZED (
        SELECT c.name FROM projection_checkpoint c
        JOIN unnest(names, versions) AS p (name, version)
             ON c.name = p.name AND c.version = p.version
        WHERE c.idx = at_idx ORDER BY c.name FOR UPDATE OF c
    )
    UPDATE projection_checkpoint c SET idx = to_idx, failed_idx = NULL, failed_reason = NULL
    FROM own WHERE c.name = own.name;
    GET DIAGNOSTICS taken = ROW_COUNT;
    RETURN taken;
END
$$;

-- Counts what the lists have grown by; ends the transaction where one of them is not there.
CREATE FUNCTION count_growth(names text[], growth bigint[]) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    counted bigint;
BEGIN
    UPDATE projection_checkpoint c SET total = c.total + p.grown
    FROM unnest(names, growth) AS p (name, grown) WHERE c.name = p.name;
    GET DIAGNOSTICS counted = ROW_COUNT;
    IF counted <> cardinality(names) THEN
        RAISE EXCEPTION '% checkpoints moved instead of %', counted, cardinality(names);
    END IF;
END
$$;
