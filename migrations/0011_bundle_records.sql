-- The record of what was published to a gateway and what became of it is paged by time.
CREATE INDEX bundle_publication_time
    ON bundle_publication (gateway_id, published_at DESC, epoch DESC, revision DESC);
CREATE INDEX bundle_application_time
    ON bundle_application (gateway_id, (coalesce(applied_at, rejected_at)) DESC, id DESC);
