import { Alert, Button, Grid, Group, Input, Paper, SegmentedControl, Stack, Switch, Text, Textarea, TextInput, Title } from "@mantine/core";
import type { ReactNode } from "react";

import type { Schemas } from "../../api/index.ts";
import { Conflict } from "../../components/Conflict.tsx";
import { NumberField } from "../../components/NumberField.tsx";
import { ReasonField } from "../../components/ReasonField.tsx";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { DestinationsField } from "./DestinationsField.tsx";
import type { Policy } from "./form.ts";
import { LivePreview } from "./LivePreview.tsx";
import { Neighbours } from "./Neighbours.tsx";
import { ServicesField } from "./ServicesField.tsx";
import { TargetsField } from "./TargetsField.tsx";
import { useLeaveGuard } from "./useLeaveGuard.tsx";
import { usePolicyForm } from "./usePolicyForm.ts";
import { ValidityFields } from "./ValidityFields.tsx";

const words = policiesText.form;

/** The form of a policy, with what saving it would do beside it. */
export function PolicyEditor({
  policy,
  onSaved,
}: {
  /** None where one is made. */
  policy?: Policy;
  onSaved: (saved: Policy | Schemas["Pending"]) => void;
}) {
  const editing = usePolicyForm(policy, onSaved);
  const { form, base, live, errorOf, dirty } = editing;
  const { values } = form;
  useLeaveGuard(editing.isDirty);
  const field = (name: string) => ({ ...form.getInputProps(name), error: errorOf(name) });
  const deny = values.effect === "deny";
  const place = {
    ...(base === undefined ? {} : { id: base.id, created_at: base.created_at, rank: base.rank }),
    priority: values.priority === "" ? Number.NaN : Number(values.priority),
    effect: values.effect,
  };

  return (
    <form onSubmit={editing.submit} noValidate>
      <Grid gap="lg" align="flex-start">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack gap="md">
            <Section title={words.what}>
              <TextInput label={words.name} required maxLength={64} autoComplete="off" {...field("name")} />
              <Textarea
                label={words.description}
                description={words.descriptionHint}
                autosize
                minRows={1}
                maxRows={6}
                {...field("description")}
              />
              <Input.Wrapper
                label={words.effect}
                labelElement="div"
                description={deny ? words.denyMeans : words.allowMeans}
                inputWrapperOrder={["label", "input", "description", "error"]}
                error={errorOf("effect")}
              >
                <div>
                  <SegmentedControl
                    aria-label={words.effect}
                    data={[
                      { value: "allow", label: t.effects.allow },
                      { value: "deny", label: t.effects.deny },
                    ]}
                    value={values.effect}
                    onChange={(effect) => form.setFieldValue("effect", effect === "deny" ? "deny" : "allow")}
                  />
                </div>
              </Input.Wrapper>
              <NumberField
                label={words.priority}
                description={words.priorityHint}
                w={{ base: "100%", xs: 320 }}
                {...field("priority")}
              />
              <Neighbours place={place} />
              <Switch
                label={words.enabled}
                description={words.enabledHint}
                {...form.getInputProps("enabled", { type: "checkbox" })}
              />
            </Section>
            <Section title={words.who}>
              <TargetsField
                value={values.targets}
                onChange={(targets) => form.setFieldValue("targets", targets)}
                error={errorOf("targets")}
              />
            </Section>
            <Section title={words.where}>
              <DestinationsField
                value={values.destinations}
                onChange={(networks) => form.setFieldValue("destinations", networks)}
                draft={values.draft}
                onDraft={(draft) => form.setFieldValue("draft", draft)}
                error={errorOf("destinations")}
                draftError={errorOf("draft")}
              />
              <Switch
                label={words.full}
                description={deny ? words.fullDeny : words.fullHint}
                disabled={deny && !values.full_tunnel}
                {...form.getInputProps("full_tunnel", { type: "checkbox" })}
                error={errorOf("full_tunnel")}
              />
              {values.destinations.length === 0 && values.draft === "" && !values.full_tunnel && (
                <Text size="sm" c="dimmed">
                  {words.noDestinations}
                </Text>
              )}
              <ServicesField form={form} errorOf={errorOf} />
            </Section>
            <Section title={words.when}>
              <ValidityFields
                from={values.valid_from}
                until={values.valid_until}
                fromProps={field("valid_from")}
                untilProps={field("valid_until")}
              />
            </Section>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <LivePreview live={live} onStale={editing.meet}>
            <ReasonField {...editing.reason} />
            {editing.problem !== undefined && (
              <Alert color="red" role="alert">
                {editing.problem}
              </Alert>
            )}
            <Group justify="flex-end">
              {base !== undefined && dirty && (
                <Button variant="default" onClick={editing.reset}>
                  {words.reset}
                </Button>
              )}
              <Button type="submit" loading={editing.busy} disabled={base !== undefined && !dirty}>
                {base === undefined ? policiesText.create : words.save}
              </Button>
            </Group>
          </LivePreview>
        </Grid.Col>
      </Grid>
      <Conflict {...editing.conflict} />
    </form>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      <Stack gap="md">{children}</Stack>
    </Paper>
  );
}
