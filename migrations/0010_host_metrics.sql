-- What gateways report about their hosts: kept by the day, and dropped by the day.

CREATE TABLE host_sample (
    gateway_id       uuid        NOT NULL,
    -- By our clock.
    at               timestamptz NOT NULL,
    uptime_s         bigint      NOT NULL,
    cpus             bigint      NOT NULL,
    -- Milliseconds since the host started.
    cpu_user_ms      bigint      NOT NULL,
    cpu_system_ms    bigint      NOT NULL,
    cpu_iowait_ms    bigint      NOT NULL,
    cpu_steal_ms     bigint      NOT NULL,
    cpu_idle_ms      bigint      NOT NULL,
    memory_total     bigint      NOT NULL,
    memory_available bigint      NOT NULL,
    disk_total       bigint      NOT NULL,
    disk_free        bigint      NOT NULL,
    CONSTRAINT host_sample_pkey PRIMARY KEY (gateway_id, at)
) PARTITION BY RANGE (at);

-- Counters since the interface was made.
CREATE TABLE host_interface_sample (
    gateway_id uuid        NOT NULL,
    at         timestamptz NOT NULL,
    interface  text        NOT NULL,
    uptime_s   bigint      NOT NULL,
    rx_bytes   bigint      NOT NULL,
    tx_bytes   bigint      NOT NULL,
    rx_packets bigint      NOT NULL,
    tx_packets bigint      NOT NULL,
    rx_errors  bigint      NOT NULL,
    tx_errors  bigint      NOT NULL,
    CONSTRAINT host_interface_sample_pkey PRIMARY KEY (gateway_id, at, interface)
) PARTITION BY RANGE (at);

-- The newest facts about each host, and when its last sample was kept.
CREATE TABLE gateway_host (
    gateway_id uuid        PRIMARY KEY,
    os_name    text        NOT NULL,
    os_version text        NOT NULL,
    kernel     text        NOT NULL,
    cpus       bigint      NOT NULL,
    sampled_at timestamptz NOT NULL
);

-- What a counter has counted since it was read before. One that went down, or whose host was
-- started again meanwhile, has counted from nothing.
CREATE FUNCTION counted(now bigint, before bigint, restarted boolean) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN before IS NULL THEN NULL
            WHEN restarted OR now < before THEN now
            ELSE now - before END;

-- A sum that JSON can carry exactly.
CREATE FUNCTION exactly(sum numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN sum > 9007199254740991 THEN 9007199254740991 ELSE sum::bigint END;

-- Makes the partitions of the days from `today` to `today + ahead` (in UTC), and drops those of
-- days more than `keep` days ago. With the owner's rights: the server's role owns no tables.
CREATE FUNCTION keep_telemetry_partitions(today date, ahead integer, keep integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    parent  text;
    part    text;
    day     date;
    dropped integer := 0;
BEGIN
    IF ahead NOT BETWEEN 0 AND 31 OR keep NOT BETWEEN 1 AND 3650 THEN
        RAISE EXCEPTION 'ahead must be 0 to 31 days, keep 1 to 3650';
    END IF;
    -- One at a time; and nobody waits long behind us for a lock that we wait for.
    PERFORM pg_advisory_xact_lock(5647091720257138);
    PERFORM set_config('lock_timeout', '2s', true);
    FOREACH parent IN ARRAY ARRAY['host_sample', 'host_interface_sample'] LOOP
        FOR day IN SELECT today + n FROM generate_series(0, ahead) n LOOP
            part := parent || to_char(day, '"_"YYYYMMDD');
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    part, parent, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            END IF;
        END LOOP;
        FOR part IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = parent::regclass
              AND c.relname < parent || to_char(today - keep, '"_"YYYYMMDD')
            ORDER BY c.relname
        LOOP
            EXECUTE format('DROP TABLE %I', part);
            dropped := dropped + 1;
        END LOOP;
    END LOOP;
    RETURN dropped;
END
$$;
-- Whoever calls it does not choose where its names lead, not by temporary tables either.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION keep_telemetry_partitions(date, integer, integer)
                    SET search_path = %I, pg_temp', current_schema());
END
$$;
REVOKE ALL ON FUNCTION keep_telemetry_partitions(date, integer, integer) FROM PUBLIC;
