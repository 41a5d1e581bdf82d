-- When a session was last used, to the minute.
ALTER TABLE session ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- Access tokens are signed by one key after the other; the single one of before is not read any
-- more. Its last token has long expired when a server of this version answers.
DELETE FROM sealed_secret WHERE name = 'jwt-signing-key';
