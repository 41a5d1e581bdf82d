import { Button } from "@mantine/core";
import { IconRestore } from "@tabler/icons-react";

import { ifMatch } from "../../api/etag.ts";
import { client, type Schemas } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { confirmOf } from "../../components/confirm.tsx";
import { History } from "../../components/History.tsx";
import { Time } from "../../components/Time.tsx";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { previewText } from "../../text/preview.ts";
import { readDevice, type ReadDevice } from "./device.ts";

const words = devicesText.restore;

/** What happened to a device; an admin can go back to any of it. */
export function DeviceHistory({ read }: { read: ReadDevice }) {
  const { device } = read;
  const mayRestore = useMayChange() && device.status !== "revoked";
  const path = { id: device.id };
  const restore = (entry: Schemas["AuditEntry"]) => {
    const body = { at: entry.idx };
    confirmOf(read, () => readDevice(device.id), ({ version }) => ({
      title: words.title(device.name ?? t.erased),
      text: words.text(<Time at={entry.time} />, entry.summary),
      verb: t.restore,
      preview: async () => {
        const params = { path, header: ifMatch(version) };
        const { data } = await client.POST("/admin/preview/devices/{id}/restore", { params, body });
        if (data === undefined) {
          throw new Error(previewText.unavailable);
        }
        return data;
      },
      action: (headers) =>
        client.POST("/admin/devices/{id}/restore", {
          params: { path, header: { ...ifMatch(version), ...headers } },
          body,
        }),
      done: words.done,
    }));
  };
  return (
    <History
      type="device"
      id={device.id}
      {...(mayRestore
        ? {
            actions: (entry: Schemas["AuditEntry"], newest: boolean) =>
              newest || entry.status !== "success" ? null : (
                <Button
                  size="compact-xs"
                  variant="default"
                  mt="xs"
                  leftSection={<IconRestore size={14} aria-hidden />}
                  onClick={() => restore(entry)}
                >
                  {t.restore}
                </Button>
              ),
          }
        : {})}
    />
  );
}
