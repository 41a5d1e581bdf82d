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
import { Status } from "../../components/Status.tsx";
import { Time } from "../../components/Time.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/index.ts";
import { EnrolDevice } from "../devices/EnrolDevice.tsx";
import { askMembership } from "../groups/membership.ts";
import { nameOf } from "./userChanges.ts";

type User = Schemas["User"];

/** Who it is, and what belongs to them. */
export function UserOverview({ user }: { user: User }) {
  return (
    <Stack gap="xl">
      <section aria-label={t.users.facts}>
        <Facts
          facts={[
            [t.users.displayName, user.display_name],
            [t.users.email, user.email],
            [
              t.users.role,
              <>
                {t.session.roles[user.role]}
                {user.must_change_password && <Status of="due" label={t.users.passwordDue} />}
              </>,
            ],
            [t.users.created, <Time key="created" at={user.created_at} />],
            [t.users.updated, <Time key="updated" at={user.updated_at} />],
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
    if (id !== null) {
      const { data } = await client.GET("/admin/groups/{id}", { params: { path: { id } } });
      add.close();
      askMembership({ id, name: data?.name ?? "" }, who, true);
    }
  };
  return (
    <section aria-labelledby="user-groups">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4" id="user-groups">
          {t.users.groupsOf}
        </Title>
        {mayChange &&
          (adding ? (
            <EntitySelect
              kind="group"
              label={t.users.addToGroup}
              value={null}
              onChange={(id) => void join(id)}
            />
          ) : (
            <Button size="xs" variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={add.open}>
              {t.users.addToGroup}
            </Button>
          ))}
      </Group>
      <Loaded query={query}>
        {({ items, total }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t.users.noGroups}
            </Text>
          ) : (
            <>
              <Table verticalSpacing={6} aria-label={t.users.groupsOf}>
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
                            aria-label={t.users.leaveGroup(group.name)}
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
                  {t.users.allGroups(total)}
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
      {t.users.addDevice}
    </Button>
  );
  return (
    <section aria-labelledby="user-devices">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4" id="user-devices">
          {t.users.devices}
        </Title>
        {addButton}
      </Group>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t.users.noDevices} {...(mayChange ? { text: t.users.noDevicesHint } : {})} />
          ) : (
            <Table verticalSpacing={6} aria-label={t.users.devicesOf(nameOf(user))}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t.users.deviceName}</Table.Th>
                  <Table.Th visibleFrom="sm">{t.users.gateway}</Table.Th>
                  <Table.Th visibleFrom="md">{t.users.address}</Table.Th>
                  <Table.Th visibleFrom="sm">{t.users.lastSeen}</Table.Th>
                  <Table.Th>{t.users.status}</Table.Th>
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
                    <Table.Td visibleFrom="md">{device.assigned_ip}</Table.Td>
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
        {t.users.allDevices}
      </Anchor>
      {mayChange && <EnrolDevice owner={user.id} opened={enrolling} onClose={enrol.close} />}
    </section>
  );
}
