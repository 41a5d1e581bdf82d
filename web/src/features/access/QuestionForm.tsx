import { Autocomplete, Button, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useEffect, useState } from "react";

import { ApiError } from "../../api/index.ts";
import { EntitySelect } from "../../components/EntitySelect.tsx";
import { hasPorts, PROTOCOLS } from "../../components/protocols.ts";
import { accessText } from "../../text/access.ts";
import type { Question } from "./question.ts";

const words = accessText;

/** Asks for a packet, and for whose it is unless everybody is asked about. */
export function QuestionForm({
  question,
  ask,
  whose,
  error,
}: {
  question: Question;
  ask: (changes: Record<string, string | null>) => void;
  whose: boolean;
  /** What the server says about the fields. */
  error: unknown;
}) {
  const { destination, protocol, port, device, user } = question;
  const [kind, setKind] = useState<"user" | "device">(device === undefined ? "user" : "device");
  const asked = { destination: destination ?? "", protocol: protocol ?? "tcp", port: port ?? (protocol === undefined ? "443" : "") };
  const form = useForm({ initialValues: { ...asked, who: device ?? user ?? null } });
  // The browser's Back, or a link to another question.
  const now = JSON.stringify([asked, device, user]);
  useEffect(() => {
    form.setValues({ ...asked, who: device ?? user ?? null });
    if (device !== undefined || user !== undefined) {
      setKind(device === undefined ? "user" : "device");
    }
  }, [now]);
  useEffect(() => {
    const details = error instanceof ApiError ? error.details : [];
    form.setErrors(Object.fromEntries(details.map(({ field, message }) => [field, message])));
  }, [error]);

  const submit = form.onSubmit(({ destination, protocol, port, who }) => {
    const none = whose && destination.trim() === "";
    ask({
      ...(whose ? { user: kind === "user" ? who : null, device: kind === "device" ? who : null } : {}),
      destination: destination.trim(),
      protocol: none ? null : protocol.trim(),
      port: none || !hasPorts(protocol) ? null : port.trim(),
    });
  });
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {whose && (
          <Group gap="sm" align="flex-end">
            <div>
              <Text size="sm" fw={600} mb={4} id="access-of">
                {words.of}
              </Text>
              <SegmentedControl
                aria-labelledby="access-of"
                data={[
                  { value: "user", label: words.kinds.user },
                  { value: "device", label: words.kinds.device },
                ]}
                value={kind}
                onChange={(next) => {
                  setKind(next as typeof kind);
                  form.setFieldValue("who", null);
                }}
              />
            </div>
            <div style={{ flex: "1 1 220px", maxWidth: 380 }}>
              <EntitySelect
                key={kind}
                kind={kind}
                label={words[kind]}
                value={form.values.who}
                onChange={(id) => form.setFieldValue("who", id)}
                error={form.errors[kind]}
              />
            </div>
          </Group>
        )}
        <Group gap="sm" align="flex-start">
          <TextInput
            label={words.destination}
            description={whose ? words.destinationHint : words.destinationOnly}
            inputWrapperOrder={["label", "input", "error", "description"]}
            autoCapitalize="none"
            spellCheck={false}
            style={{ flex: "1 1 220px", maxWidth: 380 }}
            {...form.getInputProps("destination")}
          />
          <Autocomplete label={words.protocol} data={PROTOCOLS} w={110} {...form.getInputProps("protocol")} />
          {hasPorts(form.values.protocol) && (
            <TextInput label={words.port} inputMode="numeric" w={90} {...form.getInputProps("port")} />
          )}
          <Button type="submit" mt={25}>
            {words.ask}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
