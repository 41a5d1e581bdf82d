-- What a browser was given for its refresh token. A browser that has lost the answer may come again
-- for a while and is given another one; null for tokens that other clients have exchanged.
ALTER TABLE refresh_token ADD COLUMN successor bytea CHECK (length(successor) = 32);
