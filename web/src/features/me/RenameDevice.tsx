import { Modal, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { client, type Schemas } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { Form } from "../../components/Form.tsx";
import { Loaded } from "../../components/Loaded.tsx";
import { notifyDone } from "../../components/problem.ts";
import { useEdit, type Versioned } from "../../components/useEdit.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { meText } from "../../text/me.ts";
import { versionOf } from "../devices/device.ts";
import { PLATFORMS } from "../devices/enrolment.ts";

interface Form extends Record<string, unknown> {
  name: string;
  platform: string;
}

const LABELS = { name: meText.name, platform: meText.platform } as Record<keyof Form & string, string>;

async function read(id: string): Promise<Versioned<Form>> {
  const { data, response } = await client.GET("/me/devices/{id}", { params: { path: { id } } });
  const device = data as Schemas["Device"];
  return {
    values: { name: device.name ?? "", platform: device.platform },
    version: versionOf(response.headers.get("etag")),
  };
}

/** Gives one of one's own devices another name, or says what it is. */
export function RenameDevice({
  device,
  opened,
  onClose,
}: {
  device: Schemas["Device"];
  opened: boolean;
  onClose: () => void;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title={meText.renameTitle(device.name ?? t.erased)}>
      <Start id={device.id} onClose={onClose} />
    </Modal>
  );
}

function Start({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useQuery({ queryKey: ["my device", id], queryFn: () => read(id), gcTime: 0 });
  return <Loaded query={query}>{(start) => <Fields id={id} start={start} onClose={onClose} />}</Loaded>;
}

function Fields({ id, start, onClose }: { id: string; start: Versioned<Form>; onClose: () => void }) {
  const { form, frame, conflict } = useEdit<Form>({
    start,
    labels: LABELS,
    read: () => read(id),
    save: ({ name, platform }, header) =>
      client.PATCH("/me/devices/{id}", {
        params: { path: { id }, header },
        body: { name: name.trim(), platform },
      }),
    onSaved: () => {
      notifyDone(t.saved);
      onClose();
    },
  });
  const known: string[] = [...PLATFORMS];
  const present = start.values.platform;
  const platforms = known.includes(present) ? known : [present, ...known];
  return (
    <>
      <Form {...frame} verb={t.save} onCancel={onClose}>
        <TextInput label={meText.name} required data-autofocus {...form.getInputProps("name")} />
        <Select
          label={meText.platform}
          data={platforms.map((value) => ({ value, label: devicesText.platform(value) }))}
          allowDeselect={false}
          {...form.getInputProps("platform")}
        />
      </Form>
      <Conflict {...conflict} />
    </>
  );
}
