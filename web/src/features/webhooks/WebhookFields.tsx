import { TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";

import { eventText } from "../../text/events.ts";
import { webhooksText } from "../../text/webhooks.ts";
import { EVENTS, eventTypes } from "../audit/events.ts";
import type { WebhookForm } from "./webhookForm.ts";

/** Whole families of events first, which is what most want. */
const OFFERED = [...Object.keys(EVENTS).map((kind) => `${kind}.*`), ...eventTypes(undefined)];

/** What an admin sets on a webhook. */
export function WebhookFields({ form }: { form: UseFormReturnType<WebhookForm> }) {
  return (
    <>
      <TextInput
        type="url"
        label={webhooksText.url}
        description={webhooksText.urlHint}
        placeholder="https://example.com/hook"
        maxLength={2000}
        required
        data-autofocus
        {...form.getInputProps("url")}
      />
      <Textarea
        label={webhooksText.description}
        autosize
        maxRows={5}
        maxLength={1000}
        {...form.getInputProps("description")}
      />
      <TagsInput
        label={webhooksText.events}
        description={webhooksText.eventsHint}
        data={OFFERED}
        renderOption={({ option: { value } }) => (
          <span>
            {value}{" "}
            <Text span inherit c="dimmed">
              {value.endsWith("*") ? webhooksText.allOf : eventText(value)}
            </Text>
          </span>
        )}
        maxTags={50}
        splitChars={[",", " ", ";"]}
        acceptValueOnBlur
        clearable
        {...form.getInputProps("event_types")}
      />
    </>
  );
}
