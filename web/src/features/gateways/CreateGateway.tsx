import { Modal } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { changed, client, type Schemas } from "../../api/index.ts";
import { Form } from "../../components/Form.tsx";
import { notifyDone, notifyProblem, takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { GatewayFields } from "./GatewayFields.tsx";
import { createOf, EMPTY, type GatewayForm } from "./gateway.ts";
import { JoinModal } from "./JoinModal.tsx";
import { issueJoinToken, type JoinAnswer } from "./joinToken.ts";

const words = gatewaysText.form;

interface Created {
  readonly id: string;
  readonly name: string;
  readonly answer: JoinAnswer;
}

/** Creates a gateway and shows, this once, how its node becomes it. */
export function CreateGateway({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [created, setCreated] = useState<Created>();
  return (
    <>
      <Modal
        opened={opened}
        onClose={onClose}
        closeOnClickOutside={false}
        title={words.createTitle}
        size="xl"
      >
        <Fields
          onCancel={onClose}
          onDone={(made) => {
            setCreated(made);
            onClose();
          }}
        />
      </Modal>
      <JoinModal
        id={created?.id ?? ""}
        name={created?.name ?? ""}
        answer={created?.answer}
        onClose={() => setCreated(undefined)}
      />
    </>
  );
}

function Fields({ onCancel, onDone }: { onCancel: () => void; onDone: (created: Created | undefined) => void }) {
  const needed = (text: string) => (text.trim() === "" ? words.needed : null);
  const form = useForm<GatewayForm>({
    initialValues: EMPTY,
    validate: { name: needed, endpoint: needed, address_pool_v4: needed },
  });
  const reason = useReason();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const submit = form.onSubmit(async (values) => {
    setBusy(true);
    setProblem(undefined);
    let made: Schemas["Gateway"] | Schemas["Pending"] | undefined;
    try {
      made = (await client.POST("/admin/gateways", { params: { header: reason.header }, body: createOf(values) })).data;
    } catch (error) {
      setProblem(takeErrors(form, error));
      setBusy(false);
      return;
    }
    notifyDone(words.created(values.name.trim()));
    // A node whose key is known joins with a token as well; nobody has to use it.
    try {
      const answer = made && (await issueJoinToken(made.id, reason.header));
      onDone(made && answer && { id: made.id, name: values.name.trim(), answer });
    } catch (error) {
      // The gateway is there, and its page makes tokens.
      notifyProblem(error);
      onDone(undefined);
    }
    await changed();
  });

  return (
    <Form
      onSubmit={submit}
      noValidate
      problem={problem}
      busy={busy}
      verb={words.create}
      onCancel={onCancel}
      reason={reason.field}
    >
      <GatewayFields form={form} pools givesKey />
    </Form>
  );
}
