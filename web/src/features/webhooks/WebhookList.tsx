import { ActionIcon, Anchor, Button, Group, Menu, Stack, Text } from "@mantine/core";
import { IconDotsVertical, IconHistory, IconKey, IconPencil, IconPlayerPause, IconPlayerPlay, IconPlus, IconRepeat, IconSend, IconTrash } from "@tabler/icons-react";
import { useState } from "react";

import { api } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Empty } from "../../components/Empty.tsx";
import { ExportButton } from "../../components/ExportButton.tsx";
import { ChoiceFilter, Filters } from "../../components/filters.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Time } from "../../components/Time.tsx";
import { useListState } from "../../components/useListState.ts";
import { t } from "../../text/common.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { remove, setEnabled, test } from "./actions.tsx";
import type { Webhook } from "./webhookForm.ts";
import { WebhookState } from "./WebhookState.tsx";

const CreateWebhook = dialogOnDemand(() => import("./CreateWebhook.tsx").then((file) => file.CreateWebhook), isOpened);
const EditWebhook = dialogOnDemand(
  () => import("./EditWebhook.tsx").then((file) => file.EditWebhook),
  ({ webhook }) => webhook !== undefined,
);
const ReplayWebhook = dialogOnDemand(
  () => import("./ReplayWebhook.tsx").then((file) => file.ReplayWebhook),
  ({ webhook }) => webhook !== undefined,
);
const RotateSecret = dialogOnDemand(
  () => import("./RotateSecret.tsx").then((file) => file.RotateSecret),
  ({ webhook }) => webhook !== undefined,
);
const WebhookDetails = dialogOnDemand(
  () => import("./WebhookDetails.tsx").then((file) => file.WebhookDetails),
  ({ webhook }) => webhook !== undefined,
);

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
      {webhooksText.create}
    </Button>
  );
  return (
    <>
      <PageHeader title={webhooksText.title} text={webhooksText.text}>
        <ExportButton path="/admin/webhooks" query={list.query} name="webhooks" />
        {mayChange && create}
      </PageHeader>
      <Filters>
        <ChoiceFilter
          list={list}
          name="enabled"
          label={webhooksText.enabled}
          width={180}
          values={[
            ["true", webhooksText.enabledOnly],
            ["false", webhooksText.disabledOnly],
          ]}
        />
      </Filters>
      <DataTable
        label={webhooksText.title}
        columns={columns((webhook) => setOpen({ dialog: "details", webhook }), mayChange ? setOpen : undefined)}
        query={query}
        list={list}
        nameOf={({ url }) => url}
        usualSort="created_at"
        empty={
          <Empty title={webhooksText.empty} text={webhooksText.emptyText}>
            {mayChange && (
              <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
                {webhooksText.create}
              </Button>
            )}
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
      title: webhooksText.url,
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
    { key: "state", title: webhooksText.state, from: "sm", render: (webhook) => <WebhookState webhook={webhook} /> },
    {
      key: "events",
      title: webhooksText.events,
      from: "lg",
      render: ({ event_types: types }) => (
        <Text size="sm" lineClamp={2}>
          {types.length === 0 ? webhooksText.allEvents : types.join(", ")}
        </Text>
      ),
    },
    {
      key: "behind",
      title: webhooksText.behind,
      from: "md",
      align: "right",
      render: ({ delivery }) => (
        <span className="nums">
          {delivery ? (delivery.behind === 0 ? webhooksText.upToDate : webhooksText.behindEvents(delivery.behind)) : "–"}
        </span>
      ),
    },
    {
      key: "delivered",
      title: webhooksText.delivered,
      from: "sm",
      render: ({ delivery }) => <Time at={delivery?.delivered_at} ago />,
    },
    {
      key: "created",
      title: webhooksText.created,
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
        <ActionIcon variant="subtle" color="gray" aria-label={webhooksText.actionsOf(webhook.url)}>
          <IconDotsVertical size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconHistory size={16} />} onClick={() => onOpen("details")}>
          {webhooksText.show}
        </Menu.Item>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onOpen("edit")}>
          {t.edit}
        </Menu.Item>
        <Menu.Item leftSection={<IconSend size={16} />} onClick={() => test(webhook)}>
          {webhooksText.test}
        </Menu.Item>
        <Menu.Item leftSection={<IconRepeat size={16} />} onClick={() => onOpen("replay")}>
          {webhooksText.replay}
        </Menu.Item>
        <Menu.Item leftSection={<IconKey size={16} />} onClick={() => onOpen("rotate")}>
          {webhooksText.rotate}
        </Menu.Item>
        <Menu.Item
          leftSection={enabled ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
          onClick={() => setEnabled(webhook, !enabled)}
        >
          {enabled ? webhooksText.disable : webhooksText.enable}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconTrash size={16} />}
          c="var(--mantine-color-error)"
          onClick={() => remove(webhook)}
        >
          {webhooksText.remove}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
