import { ActionIcon, Button, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBan, IconDots, IconEraser, IconKey, IconPencil, IconPlayerPlay, IconShield, IconTrash } from "@tabler/icons-react";
import { useNavigate } from "react-router";

import type { Schemas } from "../../api/client.ts";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { usersText } from "../../text/users.ts";
import { askDelete, askDisable, askEnable, askErase } from "./userChanges.ts";

const EditUser = dialogOnDemand(() => import("./EditUser.tsx").then((file) => file.EditUser), isOpened);
const ChangeRole = dialogOnDemand(() => import("./ChangeRole.tsx").then((file) => file.ChangeRole), isOpened);
const ResetPassword = dialogOnDemand(() => import("./ResetPassword.tsx").then((file) => file.ResetPassword), isOpened);

/** What an admin can do with a user. */
export function UserActions({ user }: { user: Schemas["User"] }) {
  const navigate = useNavigate();
  const [editing, edit] = useDisclosure(false);
  const [changing, role] = useDisclosure(false);
  const [resetting, reset] = useDisclosure(false);
  const leave = () => void navigate(to.users());
  return (
    <>
      <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={edit.open}>
        {usersText.edit}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label={t.more}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconShield size={16} />} onClick={role.open}>
            {usersText.changeRole}
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={reset.open}>
            {usersText.resetPassword}
          </Menu.Item>
          <Menu.Divider />
          {user.enabled ? (
            <Menu.Item leftSection={<IconBan size={16} />} onClick={() => askDisable(user)}>
              {usersText.disable}
            </Menu.Item>
          ) : (
            <Menu.Item leftSection={<IconPlayerPlay size={16} />} onClick={() => askEnable(user)}>
              {usersText.enable}
            </Menu.Item>
          )}
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconTrash size={16} />} onClick={() => askDelete(user, leave)}>
            {usersText.delete}
          </Menu.Item>
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconEraser size={16} />} onClick={() => askErase(user, leave)}>
            {usersText.erase}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <EditUser user={user} opened={editing} onClose={edit.close} />
      <ChangeRole user={user} opened={changing} onClose={role.close} />
      <ResetPassword user={user} opened={resetting} onClose={reset.close} />
    </>
  );
}
