import { ActionIcon, Button, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDots, IconKey, IconPencil, IconPlayerPause, IconPlayerPlay, IconQrcode, IconTrash } from "@tabler/icons-react";
import { useState } from "react";

import { ifMatch } from "../../api/etag.ts";
import { client } from "../../api/index.ts";
import { type Confirmation, confirmOf } from "../../components/confirm.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import type { Because } from "../../components/reason.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { readDevice, type ReadDevice } from "./device.ts";
import { EnrolledModal } from "./EnrolledModal.tsx";
import type { EnrolAnswer } from "./enrolment.ts";
import { previewDevice } from "./previewDevice.ts";

const EditDevice = dialogOnDemand(() => import("./EditDevice.tsx").then((file) => file.EditDevice), isOpened);

const words = devicesText.act;

interface Params {
  path: { id: string };
  header: ReturnType<typeof ifMatch> & Because;
}

/** What an admin can do with a device. */
export function DeviceActions({ read }: { read: ReadDevice }) {
  const { device } = read;
  const [editing, edit] = useDisclosure(false);
  const [enrolled, setEnrolled] = useState<EnrolAnswer>();
  const path = { id: device.id };
  /** Asks about the device as it is; where it is changed meanwhile, as it is by then. */
  const confirmDevice = (
    ask: (name: string, params: Params, because: (headers: Because) => Params) => Confirmation,
  ) =>
    confirmOf(read, () => readDevice(device.id), (now) => {
      const header = ifMatch(now.version);
      return ask(now.device.name ?? t.erased, { path, header }, (headers) => ({ path, header: { ...header, ...headers } }));
    });

  const newProfile = () => {
    let answer: EnrolAnswer | undefined;
    confirmDevice((name, _, because) => ({
      title: words.newProfileTitle(name),
      text: words.newProfileText,
      verb: words.newProfile,
      danger: true,
      action: async (headers) => {
        const params = because(headers);
        answer = (await client.POST("/devices/{id}/key", { params, body: { generate_key: true } })).data;
      },
      onDone: () => setEnrolled(answer),
    }));
  };
  const rotate = () =>
    confirmDevice((name, _, because) => ({
      title: words.rotateTitle(name),
      text: words.rotateText,
      verb: words.rotate,
      action: (headers) => client.POST("/admin/devices/{id}/rotate", { params: because(headers) }),
      done: words.rotated,
    }));
  const enable = () =>
    confirmDevice((name, params, because) => ({
      title: words.enableTitle(name),
      text: words.enableText,
      verb: words.enable,
      preview: () => previewDevice("enable", params),
      action: (headers) => client.POST("/admin/devices/{id}/enable", { params: because(headers) }),
      done: words.enabled,
    }));
  const disable = () =>
    confirmDevice((name, params, because) => ({
      title: words.disableTitle(name),
      text: words.disableText,
      verb: words.disable,
      danger: true,
      preview: () => previewDevice("disable", params),
      action: (headers) => client.POST("/admin/devices/{id}/disable", { params: because(headers) }),
      done: words.disabled,
    }));
  const revoke = () =>
    confirmDevice((name, params, because) => ({
      title: words.revokeTitle(name),
      text: words.revokeText,
      verb: words.revoke,
      danger: true,
      preview: () => previewDevice("revoke", params),
      action: (headers) =>
        client.POST("/admin/devices/{id}/revoke", { params: because(headers), body: {} }),
      done: words.revoked,
    }));

  return (
    <>
      <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={edit.open}>
        {t.edit}
      </Button>
      {device.status === "disabled" ? (
        <Button variant="default" leftSection={<IconPlayerPlay size={16} aria-hidden />} onClick={enable}>
          {words.enable}
        </Button>
      ) : (
        <Button variant="default" leftSection={<IconPlayerPause size={16} aria-hidden />} onClick={disable}>
          {words.disable}
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label={t.more}>
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconQrcode size={16} />} onClick={newProfile}>
            {words.newProfile}
          </Menu.Item>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={rotate}>
            {words.rotate}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item c="var(--mantine-color-error)" leftSection={<IconTrash size={16} />} onClick={revoke}>
            {words.revoke}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <EditDevice read={read} opened={editing} onClose={edit.close} />
      <EnrolledModal
        answer={enrolled}
        platform={device.platform}
        title={devicesText.enrolled.titleNewKey}
        onClose={() => setEnrolled(undefined)}
      />
    </>
  );
}
