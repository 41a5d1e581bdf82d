import { ActionIcon, Anchor, Button, Group, Menu, Select, Stack, Text } from "@mantine/core";
import {
  IconDotsVertical,
  IconHistory,
  IconKey,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconRepeat,
  IconSend,
  IconTrash,
} from "@tabler/icons-react";
import { useState } from "react";

import { api } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/index.ts";
import { remove, setEnabled, test } from "./actions.tsx";
import { CreateWebhook } from "./CreateWebhook.tsx";
import { EditWebhook } from "./EditWebhook.tsx";
import { ReplayWebhook } from "./ReplayWebhook.tsx";
import { RotateSecret } from "./RotateSecret.tsx";
import { WebhookDetails } from "./WebhookDetails.tsx";
import type { Webhook } from "./webhookForm.ts";
import { WebhookState } from "./WebhookState.tsx";

type Dialog = "edit" | "replay" | "rotate" | "details";

/** Deliveries go on while one looks. */
const REFRESH = 10_000;

export function Page() {
  const list = useListState();
  const mayChange = useMayChange();
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<{ dialog: Dialog; webhook: Webhook }>();
  const query = api.useQuery(
    "get",
    "/admin/webhooks",
    { params: { query: list.query as object } },
    { placeholderData: (before) => before, refetchInterval: REFRESH },
  );
  const opened = (dialog: Dialog) => (open?.dialog === dialog ? open.webhook : undefined);
  const close = () => setOpen(undefined);
  const create = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)} data-create>
      {t.webhooks.new}
    </Button>
  );
  return (
    <>
      <PageHeader title={t.webhooks.title} text={t.webhooks.text}>
        <ExportButton path="/admin/webhooks" query={list.query} name="webhooks" />
        {mayChange && create}
      </PageHeader>
      <Group mb="sm">
        <Select
          aria-label={t.webhooks.enabled}
          placeholder={t.webhooks.enabled}
          clearable
          w={{ base: "100%", xs: 180 }}
          data={[
            { value: "true", label: t.webhooks.enabledOnly },
            { value: "false", label: t.webhooks.disabledOnly },
          ]}
          value={list.filters["enabled"] ?? null}
          onChange={(enabled) => list.set({ enabled })}
        />
      </Group>
      <DataTable
        label={t.webhooks.title}
        columns={columns((webhook) => setOpen({ dialog: "details", webhook }), mayChange ? setOpen : undefined)}
        query={query}
        list={list}
        nameOf={({ url }) => url}
        usualSort="created_at"
        empty={
          <Empty title={t.webhooks.empty} text={t.webhooks.emptyText}>
            {mayChange && <Button onClick={() => setCreating(true)}>{t.webhooks.new}</Button>}
          </Empty>
        }
      />
      <CreateWebhook opened={creating} onClose={() => setCreating(false)} />
      <EditWebhook webhook={opened("edit")} onClose={close} />
      <ReplayWebhook webhook={opened("replay")} onClose={close} />
      <RotateSecret webhook={opened("rotate")} onClose={close} />
      <WebhookDetails webhook={opened("details")} onClose={close} />
    </>
  );
}

function columns(
  onDetails: (webhook: Webhook) => void,
  onOpen: ((open: { dialog: Dialog; webhook: Webhook }) => void) | undefined,
): Column<Webhook>[] {
  const list: Column<Webhook>[] = [
    {
      key: "url",
      title: t.webhooks.url,
      render: (webhook) => (
        <Stack gap={2} align="flex-start">
          <Anchor component="button" size="sm" fw={600} ta="left" onClick={() => onDetails(webhook)}>
            {webhook.url}
          </Anchor>
          {webhook.description !== "" && (
            <Text size="xs" c="dimmed" lineClamp={1}>
              {webhook.description}
            </Text>
          )}
          <Group hiddenFrom="sm">
            <WebhookState webhook={webhook} />
          </Group>
        </Stack>
      ),
    },
    { key: "state", title: t.webhooks.state, from: "sm", render: (webhook) => <WebhookState webhook={webhook} /> },
    {
      key: "events",
      title: t.webhooks.events,
      from: "lg",
      render: ({ event_types: types }) => (
        <Text size="sm" lineClamp={2}>
          {types.length === 0 ? t.webhooks.allEvents : types.join(", ")}
        </Text>
      ),
    },
    {
      key: "behind",
      title: t.webhooks.behind,
      from: "md",
      align: "right",
      render: ({ delivery }) => (
        <span className="nums">
          {delivery ? (delivery.behind === 0 ? t.webhooks.upToDate : t.webhooks.behindEvents(delivery.behind)) : "–"}
        </span>
      ),
    },
    {
      key: "delivered",
      title: t.webhooks.delivered,
      from: "sm",
      render: ({ delivery }) => <Time at={delivery?.delivered_at} ago />,
    },
    {
      key: "created",
      title: t.webhooks.created,
      sort: "created_at",
      from: "xl",
      render: ({ created_at: at }) => <Time at={at} />,
    },
  ];
  const actions: Column<Webhook> = {
    key: "actions",
    title: t.actions,
    align: "right",
    width: 80,
    render: (webhook) => <Actions webhook={webhook} onOpen={(dialog) => onOpen?.({ dialog, webhook })} />,
  };
  return onOpen === undefined ? list : [...list, actions];
}

function Actions({ webhook, onOpen }: { webhook: Webhook; onOpen: (dialog: Dialog) => void }) {
  const { enabled } = webhook;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t.webhooks.actionsOf(webhook.url)}>
          <IconDotsVertical size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconHistory size={16} />} onClick={() => onOpen("details")}>
          {t.webhooks.show}
        </Menu.Item>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onOpen("edit")}>
          {t.edit}
        </Menu.Item>
        <Menu.Item leftSection={<IconSend size={16} />} onClick={() => void test(webhook)}>
          {t.webhooks.test}
        </Menu.Item>
        <Menu.Item leftSection={<IconRepeat size={16} />} onClick={() => onOpen("replay")}>
          {t.webhooks.replay}
        </Menu.Item>
        <Menu.Item leftSection={<IconKey size={16} />} onClick={() => onOpen("rotate")}>
          {t.webhooks.rotate}
        </Menu.Item>
        <Menu.Item
          leftSection={enabled ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
          onClick={() => setEnabled(webhook, !enabled)}
        >
          {enabled ? t.webhooks.disable : t.webhooks.enable}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconTrash size={16} />}
          c="var(--mantine-color-error)"
          onClick={() => remove(webhook)}
        >
          {t.webhooks.remove}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
