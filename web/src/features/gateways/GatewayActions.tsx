import { ActionIcon, Button, Menu, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots, IconPencil, IconPlugConnected, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";

import { ifMatch } from "../../api/etag.ts";
import { client } from "../../api/index.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { type Gateway, readGateway } from "./gateway.ts";
import { JoinModal } from "./JoinModal.tsx";
import { issueJoinToken, type JoinAnswer } from "./joinToken.ts";

const EditGateway = dialogOnDemand(() => import("./EditGateway.tsx").then((file) => file.EditGateway), isOpened);

const { join, remove } = gatewaysText;

/** What an admin can do with a gateway as a whole. */
export function GatewayActions({ gateway }: { gateway: Gateway }) {
  const { id, name } = gateway;
  const navigate = useNavigate();
  const [editing, edit] = useDisclosure(false);
  const [answer, setAnswer] = useState<JoinAnswer>();

  const token = () => {
    let issued: JoinAnswer | undefined;
    confirmOf(gateway, () => readGateway(id), ({ name, joined_at, version }) => ({
      title: join.askTitle(name),
      text: joined_at ? `${join.askText} ${join.askJoined}` : join.askText,
      verb: join.verb,
      action: async (headers) => {
        issued = await issueJoinToken(id, { ...ifMatch(version), ...headers });
      },
      onDone: () => setAnswer(issued),
    }));
  };
  const ask = () =>
    confirmOf(gateway, () => readGateway(id), ({ name, version, device_count: devices }) => ({
      title: remove.title(name),
      text: (
        <Stack gap="xs">
          <Text size="sm">{remove.text}</Text>
          {devices > 0 && (
            <Text size="sm" fw={600}>
              {remove.devices(devices)}
            </Text>
          )}
        </Stack>
      ),
      verb: remove.button,
      danger: true,
      phrase: name,
      action: (headers) => {
        const header = { ...ifMatch(version), ...headers };
        // Devices that came meanwhile are not revoked unasked: the server refuses then.
        const query = devices > 0 ? { force: true } : {};
        return client.DELETE("/admin/gateways/{id}", { params: { path: { id }, header, query } });
      },
      done: remove.done,
      onDone: () => void navigate(to.gateways()),
    }));

  return (
    <>
      <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={edit.open}>
        {t.edit}
      </Button>
      <Button variant="default" leftSection={<IconPlugConnected size={16} aria-hidden />} onClick={token}>
        {join.button}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label={t.more}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconTrash size={16} />} onClick={ask}>
            {remove.button}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <EditGateway gateway={gateway} opened={editing} onClose={edit.close} />
      <JoinModal id={id} name={name} answer={answer} onClose={() => setAnswer(undefined)} />
    </>
  );
}
