-- A device may become somebody else's. What is personal comes along and stays the data of those who
-- had it before as well.

ALTER TABLE read.devices
    ADD COLUMN former_owners  uuid[]  NOT NULL DEFAULT '{}',
    ADD COLUMN name_inherited boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN read.devices.former_owners IS
    'Whose data what came along is besides the owner''s: it goes once any of them is erased';
