import { Modal, Radio, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";

import { changed, client } from "../../api/index.ts";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { Form } from "../../components/Form.tsx";
import { takeErrors } from "../../components/problem.ts";
import { useReason } from "../../components/reason.ts";
import { TimeField } from "../../components/TimeField.tsx";
import { useSubmit } from "../../components/useSubmit.ts";
import { devicesText } from "../../text/devices.ts";
import { EnrolledModal } from "./EnrolledModal.tsx";
import { type EnrolAnswer, type EnrolForm, isPublicKey, newDevice, PLATFORMS } from "./enrolment.ts";

const words = devicesText.enrol;

/** Whose device: the signed-in person's, a user's by id, or one that the form asks for. */
type Owner = "me" | "choose" | (string & {});

/** Adds a device and shows, this once, what it connects with. */
export function EnrolDevice({
  owner,
  opened,
  onClose,
}: {
  owner: Owner;
  opened: boolean;
  onClose: () => void;
}) {
  const [enrolled, setEnrolled] = useState<{ answer: EnrolAnswer; platform: string }>();
  return (
    <>
      <Modal
        opened={opened && enrolled === undefined}
        onClose={onClose}
        closeOnClickOutside={false}
        title={words.title}
        size="lg"
      >
        <Fields
          owner={owner}
          onCancel={onClose}
          onDone={(answer, platform) => {
            setEnrolled({ answer, platform });
            void changed();
          }}
        />
      </Modal>
      <EnrolledModal
        answer={enrolled?.answer}
        platform={enrolled?.platform ?? ""}
        title={devicesText.enrolled.title}
        onClose={() => {
          setEnrolled(undefined);
          onClose();
        }}
      />
    </>
  );
}

function Fields({
  owner,
  onCancel,
  onDone,
}: {
  owner: Owner;
  onCancel: () => void;
  onDone: (answer: EnrolAnswer, platform: string) => void;
}) {
  const form = useForm<EnrolForm>({
    initialValues: {
      owner: owner === "me" || owner === "choose" ? null : owner,
      name: "",
      platform: "ios",
      keyFrom: "server",
      public_key: "",
      gateway_id: null,
      expires_at: "",
    },
    validate: {
      owner: (id) => (owner === "choose" && id === null ? words.needed : null),
      name: (name) => (name.trim() === "" ? words.needed : null),
      public_key: (key, { keyFrom }) =>
        keyFrom === "device" && !isPublicKey(key) ? words.notAKey : null,
    },
    validateInputOnBlur: ["public_key"],
  });
  const { problem, busy, run } = useSubmit((error) => takeErrors(form, error));
  const reason = useReason();
  const administers = owner !== "me";

  const submit = form.onSubmit((values) =>
    run(async () => {
      const body = newDevice(values);
      const { data } =
        values.owner === null
          ? await client.POST("/me/devices", { body })
          : await client.POST("/admin/users/{id}/devices", {
              params: { path: { id: values.owner }, header: reason.header },
              body,
            });
      if (data !== undefined) {
        onDone(data, values.platform);
      }
    }),
  );

  return (
    <Form
      onSubmit={submit}
      noValidate
      problem={problem}
      busy={busy}
      verb={devicesText.add}
      onCancel={onCancel}
      reason={administers ? reason.field : undefined}
    >
      {owner === "choose" && (
        <EntitySelect
          kind="user"
          label={words.owner}
          description={words.ownerHint}
          required
          clearable={false}
          value={form.values.owner}
          onChange={(id) => form.setFieldValue("owner", id)}
          error={form.errors["owner"]}
        />
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label={words.name}
          description={words.nameHint}
          inputWrapperOrder={["label", "input", "description", "error"]}
          required
          maxLength={200}
          data-autofocus
          {...form.getInputProps("name")}
        />
        <Select
          label={words.platform}
          data={PLATFORMS.map((value) => ({ value, label: devicesText.platform(value) }))}
          allowDeselect={false}
          {...form.getInputProps("platform")}
        />
      </SimpleGrid>
      {administers && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <EntitySelect
            kind="gateway"
            label={words.gateway}
            description={words.gatewayHint}
            placeholder={words.gatewayAny}
            value={form.values.gateway_id}
            onChange={(id) => form.setFieldValue("gateway_id", id)}
            error={form.errors["gateway_id"]}
          />
          <TimeField
            label={words.expires}
            note={words.expiresHint}
            {...form.getInputProps("expires_at")}
            value={form.values.expires_at}
          />
        </SimpleGrid>
      )}
      <Radio.Group label={words.key} {...form.getInputProps("keyFrom")}>
        <Stack gap="xs" mt={4}>
          <Radio value="server" label={words.generated} description={words.generatedHint} />
          <Radio value="device" label={words.own} description={words.ownHint} />
        </Stack>
      </Radio.Group>
      {form.values.keyFrom === "device" && (
        <TextInput
          label={words.publicKey}
          description={words.publicKeyHint}
          required
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          autoComplete="off"
          spellCheck={false}
          {...form.getInputProps("public_key")}
        />
      )}
    </Form>
  );
}
