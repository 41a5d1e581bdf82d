-- Policies in the order in which the evaluator looks at them: by priority, deny before allow, then
-- by age.

ALTER TABLE read.policies ADD COLUMN evaluation_order bigint NOT NULL GENERATED ALWAYS AS (
    ((fields->>'priority')::bigint << 41)
    + (CASE fields->>'effect' WHEN 'allow' THEN 1::bigint << 40 ELSE 0 END)
    + created_idx) STORED;

CREATE INDEX ON read.policies (evaluation_order, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (in_force, evaluation_order, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (enabled, evaluation_order, id) WHERE deleted_at IS NULL;
CREATE INDEX ON read.policies (effect, evaluation_order, id) WHERE deleted_at IS NULL;
DROP INDEX read.policies_priority_id_idx;
DROP INDEX read.policies_in_force_priority_id_idx;
DROP INDEX read.policies_enabled_priority_id_idx;
DROP INDEX read.policies_effect_priority_id_idx;
