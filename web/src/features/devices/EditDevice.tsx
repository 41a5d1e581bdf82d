import { Modal, Select, SimpleGrid, TextInput } from "@mantine/core";
import { useRef } from "react";

import { client } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { Consequences } from "../../components/Consequences.tsx";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { Form } from "../../components/Form.tsx";
import { notifyDone } from "../../components/problem.ts";
import { TimeField } from "../../components/TimeField.tsx";
import { useEdit } from "../../components/useEdit.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { type DeviceForm, formOf, patchOf, type ReadDevice, readDevice } from "./device.ts";
import { consequences } from "./consequences.ts";
import { PLATFORMS } from "./enrolment.ts";

const words = devicesText.edit;

const LABELS: Record<keyof DeviceForm, string> = {
  name: words.name,
  user_id: words.owner,
  platform: words.platform,
  gateway_id: words.gateway,
  assigned_ip: words.address,
  expires_at: words.expires,
};

/** Changes a device; says before what that means for whoever uses it. */
export function EditDevice({ read, opened, onClose }: { read: ReadDevice; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} closeOnClickOutside={false} title={words.title} size="lg">
      <Fields read={read} onClose={onClose} />
    </Modal>
  );
}

function Fields({ read, onClose }: { read: ReadDevice; onClose: () => void }) {
  const { id } = read.device;
  const start = formOf(read);
  // What the device was when it was last read: only what differs is sent.
  const before = useRef(start.values);
  const { form, frame, reason, conflict } = useEdit<DeviceForm>({
    start,
    labels: LABELS,
    validate: {
      name: (name) => (name.trim() === "" ? devicesText.enrol.needed : null),
      user_id: (id) => (id === null ? devicesText.enrol.needed : null),
      gateway_id: (id) => (id === null ? devicesText.enrol.needed : null),
      // Only a device that moves is given one.
      assigned_ip: (address, { gateway_id }) =>
        address.trim() === "" && gateway_id === before.current.gateway_id ? devicesText.enrol.needed : null,
    },
    read: async () => {
      const now = formOf(await readDevice(id));
      before.current = now.values;
      return now;
    },
    save: async (values, header) => {
      const body = patchOf(before.current, values);
      if (Object.keys(body).length > 0) {
        await client.PATCH("/admin/devices/{id}", { params: { path: { id }, header }, body });
      }
    },
    onSaved: () => {
      notifyDone(t.saved);
      onClose();
    },
  });
  // The present address is none of the other gateway's; one that was typed may be.
  const move = (id: string | null) => {
    const { assigned_ip: address, gateway_id } = before.current;
    if (["", address].includes(form.values.assigned_ip)) {
      form.setFieldValue("assigned_ip", id === gateway_id ? address : "");
    }
    form.setFieldValue("gateway_id", id);
  };
  const said = consequences(patchOf(before.current, form.values), Date.now());
  const platforms = new Set<string>([...PLATFORMS, "unknown", form.values.platform]);
  return (
    <>
      <Form {...frame} reason={reason} noValidate verb={t.save} onCancel={onClose}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={words.name}
            required
            maxLength={200}
            data-autofocus
            {...form.getInputProps("name")}
          />
          <Select
            label={words.platform}
            data={[...platforms].map((value) => ({ value, label: devicesText.platform(value) }))}
            allowDeselect={false}
            {...form.getInputProps("platform")}
          />
        </SimpleGrid>
        <EntitySelect
          kind="user"
          label={words.owner}
          required
          clearable={false}
          value={form.values.user_id}
          onChange={(id) => form.setFieldValue("user_id", id)}
          error={form.errors["user_id"]}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <EntitySelect
            kind="gateway"
            label={words.gateway}
            required
            clearable={false}
            value={form.values.gateway_id}
            onChange={move}
            error={form.errors["gateway_id"]}
          />
          <TextInput
            label={words.address}
            {...(form.values.gateway_id === before.current.gateway_id ? {} : { placeholder: words.addressNext })}
            autoComplete="off"
            {...form.getInputProps("assigned_ip")}
          />
        </SimpleGrid>
        <div>
          <TimeField
            label={words.expires}
            note={words.expiresHint}
            {...form.getInputProps("expires_at")}
            value={form.values.expires_at}
          />
          <Consequences title={words.consequences} said={said} />
        </div>
      </Form>
      <Conflict {...conflict} />
    </>
  );
}
