-- How often something may be asked for, counted once for all replicas (libs/quota). One row per name, one round trip and
-- one short row lock per decision; the server's clock decides, so that replicas with wrong clocks agree.
CREATE SCHEMA IF NOT EXISTS quota;

-- used[1] belongs to the slice of time `newest` (its number since 1970, each `slice` long), used[2] to the one before …
-- next_turn: when the next one may go at a steady pace (generic cell rate algorithm). closed_until: the other side said so.
CREATE TABLE quota.counters (
    name         text        PRIMARY KEY,
    slice        interval,
    newest       bigint      NOT NULL DEFAULT 0,
    used         bigint[]    NOT NULL DEFAULT '{0}',
    next_turn    timestamptz NOT NULL DEFAULT '-infinity',
    closed_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- Take each of `amounts` that still fits, in their order. `slices` of one `slice_length` each are counted together: 1 is a
-- fixed window, more is a window that rolls in steps. `retry_after`: seconds until the first refused one may fit.
CREATE FUNCTION quota.take(
    quota_name text, most bigint, slice_length interval, slices integer, amounts bigint[],
    OUT granted boolean[], OUT remaining bigint, OUT reset_after float8, OUT retry_after float8
) LANGUAGE plpgsql AS $$
DECLARE
    row_of quota.counters%ROWTYPE;
    now_is timestamptz;
    seconds float8 := extract(epoch FROM slice_length);
    current_slice bigint;
    shift bigint;
    total bigint;
    wanted bigint;
    missing bigint := 0;
    left_at integer;
BEGIN
    SELECT * INTO row_of FROM quota.counters WHERE name = quota_name FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO quota.counters (name) VALUES (quota_name) ON CONFLICT DO NOTHING;
        SELECT * INTO row_of FROM quota.counters WHERE name = quota_name FOR UPDATE;
    END IF;
    now_is := clock_timestamp();  -- after the wait for the lock
    current_slice := floor(extract(epoch FROM now_is) / seconds);
    IF row_of.slice IS DISTINCT FROM slice_length OR cardinality(row_of.used) <> slices THEN
        -- Another window than before: what was used counts as used just now.
        row_of.used := array_fill(0::bigint, ARRAY[slices]);
        row_of.used[1] := CASE WHEN row_of.slice IS NULL THEN 0 ELSE
            (SELECT coalesce(sum(each), 0) FROM quota.counters AS c, unnest(c.used) AS each WHERE c.name = quota_name) END;
        row_of.newest := current_slice;
    END IF;
    shift := current_slice - row_of.newest;
    IF shift >= slices THEN
        row_of.used := array_fill(0::bigint, ARRAY[slices]);
    ELSIF shift > 0 THEN
        row_of.used := array_fill(0::bigint, ARRAY[shift::integer]) || row_of.used[1:slices - shift];
    ELSE
        current_slice := row_of.newest;  -- a clock that was set back gives nothing back
    END IF;
    SELECT sum(each) INTO total FROM unnest(row_of.used) AS each;
    granted := '{}';
    FOREACH wanted IN ARRAY amounts LOOP
        IF total + wanted <= most AND row_of.closed_until <= now_is THEN
            granted := granted || true;
            total := total + wanted;
            row_of.used[1] := row_of.used[1] + wanted;
        ELSE
            granted := granted || false;
            missing := CASE WHEN missing = 0 THEN wanted ELSE least(missing, wanted) END;
        END IF;
    END LOOP;
    UPDATE quota.counters SET slice = slice_length, newest = current_slice, used = row_of.used
    WHERE name = quota_name AND (slice, newest, used) IS DISTINCT FROM (slice_length, current_slice, row_of.used);
    remaining := greatest(most - total, 0);
    reset_after := greatest((current_slice + slices) * seconds - extract(epoch FROM now_is), 0);
    retry_after := 0;
    IF missing > 0 THEN
        left_at := slices;  -- the oldest slice leaves first
        WHILE left_at > 1 AND total + missing > most LOOP
            total := total - row_of.used[left_at];
            left_at := left_at - 1;
            retry_after := (current_slice + slices - left_at) * seconds - extract(epoch FROM now_is);
        END LOOP;
        IF total + missing > most THEN
            retry_after := reset_after;
        END IF;
        retry_after := greatest(retry_after, extract(epoch FROM row_of.closed_until - now_is), 0);
    END IF;
END $$;

-- When the next turn at a pace is: seconds to wait. Nothing is taken, and `given` is false, if that is beyond `patience`.
CREATE FUNCTION quota.turn(
    quota_name text, pause interval, burst integer, patience interval, OUT given boolean, OUT wait float8
) LANGUAGE plpgsql AS $$
DECLARE
    row_of quota.counters%ROWTYPE;
    now_is timestamptz;
    turn timestamptz;
BEGIN
    SELECT * INTO row_of FROM quota.counters WHERE name = quota_name FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO quota.counters (name) VALUES (quota_name) ON CONFLICT DO NOTHING;
        SELECT * INTO row_of FROM quota.counters WHERE name = quota_name FOR UPDATE;
    END IF;
    now_is := clock_timestamp();
    turn := greatest(row_of.next_turn - pause * (burst - 1), row_of.closed_until, now_is);
    wait := extract(epoch FROM turn - now_is);
    given := turn <= now_is + patience;
    IF given THEN
        UPDATE quota.counters SET next_turn = greatest(row_of.next_turn, turn) + pause WHERE name = quota_name;
    END IF;
END $$;

-- The other side asked to be left alone: nobody's turn comes before.
CREATE FUNCTION quota.close(quota_name text, duration interval) RETURNS void LANGUAGE sql AS $$
    INSERT INTO quota.counters (name, closed_until) VALUES (quota_name, clock_timestamp() + duration)
    ON CONFLICT (name) DO UPDATE SET closed_until = greatest(counters.closed_until, excluded.closed_until)
$$;
