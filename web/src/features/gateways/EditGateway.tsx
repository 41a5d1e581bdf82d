import { Modal } from "@mantine/core";
import { useRef } from "react";

import { client } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { Consequences } from "../../components/Consequences.tsx";
import { Form } from "../../components/Form.tsx";
import { notifyDone } from "../../components/problem.ts";
import { useEdit } from "../../components/useEdit.ts";
import { t } from "../../text/common.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { consequences } from "./consequences.ts";
import { GatewayFields } from "./GatewayFields.tsx";
import { formOf, type Gateway, type GatewayForm, patchOf, readGateway } from "./gateway.ts";

const words = gatewaysText.form;

const LABELS: Record<keyof GatewayForm, string> = {
  name: words.name,
  endpoint: words.endpoint,
  address_pool_v4: words.pool4,
  address_pool_v6: words.pool6,
  dns_servers: words.dns,
  dns_search: words.search,
  internal_networks: words.internal,
  masquerade_interfaces: words.masquerade,
  listen_port: words.port,
  mtu: words.mtu,
  persistent_keepalive: words.keepalive,
  max_stale_s: words.stale,
  preshared_keys: words.preshared,
  public_key: words.publicKey,
};

/** Changes a gateway; says before what that means for its devices. */
export function EditGateway({ gateway, opened, onClose }: { gateway: Gateway; opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} closeOnClickOutside={false} title={words.editTitle} size="xl">
      <Fields gateway={gateway} onClose={onClose} />
    </Modal>
  );
}

function Fields({ gateway, onClose }: { gateway: Gateway; onClose: () => void }) {
  const start = formOf(gateway);
  // What the gateway was when it was last read: only what differs is sent.
  const before = useRef(start.values);
  const needed = (text: string) => (text.trim() === "" ? words.needed : null);
  const numbered = (value: number | string) => (value === "" ? words.needed : null);
  const { form, frame, reason, conflict } = useEdit<GatewayForm>({
    start,
    labels: LABELS,
    validate: {
      name: needed,
      endpoint: needed,
      listen_port: numbered,
      mtu: numbered,
      persistent_keepalive: numbered,
      max_stale_s: numbered,
      public_key: (key) => (before.current.public_key === "" ? null : needed(key)),
    },
    read: async () => {
      const now = formOf(await readGateway(gateway.id));
      before.current = now.values;
      return now;
    },
    save: async (values, header) => {
      const body = patchOf(before.current, values);
      if (Object.keys(body).length > 0) {
        const params = { path: { id: gateway.id }, header };
        await client.PATCH("/admin/gateways/{id}", { params, body });
      }
    },
    onSaved: () => {
      notifyDone(t.saved);
      onClose();
    },
  });
  const said = consequences(patchOf(before.current, form.values), gateway.device_count);
  return (
    <>
      <Form {...frame} reason={reason} noValidate verb={t.save} onCancel={onClose}>
        {/* The key of a node that has joined is changed by a rotation, which cuts nobody off. */}
        <div>
          <GatewayFields form={form} pools={false} givesKey={!gateway.joined_at} />
          <Consequences title={words.consequences} said={said} />
        </div>
      </Form>
      <Conflict {...conflict} />
    </>
  );
}
