import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import { client, type Schemas } from "../../api/index.ts";
import { BulkBar } from "../../components/BulkBar.tsx";
import { tellBulk } from "../../components/bulk.tsx";
import { confirm } from "../../components/confirm.tsx";
import { dialogOnDemand, isOpened } from "../../components/onDemand.tsx";
import { previewOfMany } from "../../components/previewOfMany.ts";
import type { Because } from "../../components/reason.ts";
import { Which } from "../../components/Which.tsx";
import { devicesText } from "../../text/devices.ts";

const MoveDevices = dialogOnDemand(() => import("./MoveDevices.tsx").then((file) => file.MoveDevices), isOpened);

const words = devicesText.bulk;

/** What can be done with many devices at once. */
export function DeviceBulk({
  selected,
  onDone,
}: {
  /** Their ids and names. */
  selected: ReadonlyMap<string, string>;
  onDone: () => void;
}) {
  const [moving, move] = useDisclosure(false);
  const what = devicesText.many(selected.size);
  const run = async (body: Omit<Schemas["DeviceBulk"], "ids">, headers: Because) => {
    const { data } = await client.POST("/admin/devices/bulk", {
      params: { header: headers },
      body: { ...body, ids: [...selected.keys()] },
    });
    if (data !== undefined) {
      tellBulk(data, (id) => selected.get(id) ?? id);
    }
    onDone();
  };
  const ask = (action: "enable" | "disable" | "revoke") =>
    confirm({
      title: `${words[action]} ${what}?`,
      text: <Which text={words.text[action]} names={[...selected.values()]} total={selected.size} />,
      verb: words[action],
      danger: action !== "enable",
      preview: () =>
        previewOfMany(client.POST("/admin/preview/devices/bulk", { body: { action, ids: [...selected.keys()] } })),
      nameOf: (id) => selected.get(id) ?? id,
      action: (headers) => run({ action }, headers),
    });
  return (
    <>
      <BulkBar n={selected.size} onClear={onDone}>
        <Button size="xs" variant="default" onClick={() => ask("enable")}>
          {words.enable}
        </Button>
        <Button size="xs" variant="default" onClick={() => ask("disable")}>
          {words.disable}
        </Button>
        <Button size="xs" variant="default" onClick={move.open}>
          {words.move}
        </Button>
        <Button size="xs" color="red.8" onClick={() => ask("revoke")}>
          {words.revoke}
        </Button>
      </BulkBar>
      <MoveDevices
        what={what}
        opened={moving}
        onClose={move.close}
        onMove={(gateway_id, headers) => run({ action: "move", gateway_id }, headers)}
      />
    </>
  );
}
