import { ActionIcon, Anchor, Button, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus, IconX } from "@tabler/icons-react";
import { Link } from "react-router";

import { api, client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { Empty } from "../../components/Empty.tsx";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { Facts } from "../../components/Facts.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { notifyProblem } from "../../components/problem.ts";
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";
import { bare } from "../devices/device.ts";
import { askMembership } from "../groups/membership.ts";
import { nameOf } from "./userChanges.ts";

const EnrolDevice = dialogOnDemand(
  () => import("../devices/EnrolDevice.tsx").then((file) => file.EnrolDevice),
  isOpened,
);

type User = Schemas["User"];

/** Who it is, and what belongs to them. */
export function UserOverview({ user }: { user: User }) {
  return (
    <Stack gap="xl">
      <section aria-label={usersText.facts}>
        <Facts
          facts={[
            [usersText.displayName, user.display_name],
            [usersText.email, user.email],
            [
              usersText.role,
              <>
                {sessionText.roles[user.role]}
                {user.must_change_password && <Status of="due" label={usersText.passwordDue} />}
              </>,
            ],
            [usersText.created, <Time key="created" at={user.created_at} />],
            [usersText.updated, <Time key="updated" at={user.updated_at} />],
          ]}
        />
      </section>
      <Groups user={user} />
      <Devices user={user} />
    </Stack>
  );
}

function Groups({ user }: { user: User }) {
  const mayChange = useMayChange();
  const [adding, add] = useDisclosure(false);
  const query = api.useQuery("get", "/admin/groups", {
    params: { query: { member: user.id, sort: "name", page_size: 100 } },
  });
  const who = { ids: [user.id], name: nameOf(user) };
  const join = async (id: string | null) => {
    if (id === null) {
      return;
    }
    try {
      const { data } = await client.GET("/admin/groups/{id}", { params: { path: { id } } });
      add.close();
      askMembership({ id, name: data?.name ?? "" }, who, true);
    } catch (error) {
      notifyProblem(error);
    }
  };
  return (
    <section aria-labelledby="user-groups">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4" id="user-groups">
          {usersText.groupsOf}
        </Title>
        {mayChange &&
          (adding ? (
            <EntitySelect
              kind="group"
              label={usersText.addToGroup}
              value={null}
              onChange={(id) => void join(id)}
            />
          ) : (
            <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={add.open}>
              {usersText.addToGroup}
            </Button>
          ))}
      </Group>
      <Loaded query={query}>
        {({ items, total }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {usersText.noGroups}
            </Text>
          ) : (
            <>
              <Table verticalSpacing={6} aria-label={usersText.groupsOf}>
                <Table.Tbody>
                  {items.map((group) => (
                    <Table.Tr key={group.id}>
                      <Table.Td>
                        <Anchor component={Link} to={to.group(group.id)} size="sm" fw={500}>
                          {group.name}
                        </Anchor>
                      </Table.Td>
                      <Table.Td visibleFrom="sm">{group.description}</Table.Td>
                      {mayChange && (
                        <Table.Td w={44} ta="right">
                          <ActionIcon
                            variant="subtle"
                            color="gray"
                            aria-label={usersText.leaveGroup(group.name)}
                            onClick={() => askMembership(group, who, false)}
                          >
                            <IconX size={16} />
                          </ActionIcon>
                        </Table.Td>
                      )}
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
              {total > items.length && (
                <Text size="sm" c="dimmed">
                  {usersText.allGroups(total)}
                </Text>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function Devices({ user }: { user: User }) {
  const mayChange = useMayChange();
  const [enrolling, enrol] = useDisclosure(false);
  const query = api.useQuery("get", "/admin/devices", {
    params: { query: { user: user.id, revoked: false, sort: "name", page_size: 100 } },
  });
  const addButton = mayChange && (
    <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={enrol.open} data-create>
      {usersText.addDevice}
    </Button>
  );
  return (
    <section aria-labelledby="user-devices">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4" id="user-devices">
          {usersText.devices}
        </Title>
        {addButton}
      </Group>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={usersText.noDevices} {...(mayChange ? { text: usersText.noDevicesHint } : {})} />
          ) : (
            <Table verticalSpacing={6} aria-label={usersText.devicesOf(nameOf(user))}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{usersText.deviceName}</Table.Th>
                  <Table.Th visibleFrom="sm">{usersText.gateway}</Table.Th>
                  <Table.Th visibleFrom="md">{usersText.address}</Table.Th>
                  <Table.Th visibleFrom="sm">{usersText.lastSeen}</Table.Th>
                  <Table.Th>{usersText.status}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((device) => (
                  <Table.Tr key={device.id}>
                    <Table.Td>
                      <Anchor component={Link} to={to.device(device.id)} size="sm" fw={500}>
                        {device.name ?? t.erased}
                      </Anchor>
                    </Table.Td>
                    <Table.Td visibleFrom="sm">{device.gateway_name}</Table.Td>
                    <Table.Td visibleFrom="md">{bare(device.assigned_ip)}</Table.Td>
                    <Table.Td visibleFrom="sm">
                      <Time at={device.last_seen_at} ago />
                    </Table.Td>
                    <Table.Td>
                      <Status of={device.status} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Loaded>
      <Anchor component={Link} to={to.devices({ user: user.id })} size="sm" mt="xs" display="inline-block">
        {usersText.allDevices}
      </Anchor>
      {mayChange && <EnrolDevice owner={user.id} opened={enrolling} onClose={enrol.close} />}
    </section>
  );
}
