import { SimpleGrid, type TextInputProps } from "@mantine/core";

import { TimeField } from "../../components/TimeField.tsx";
import { policiesText } from "../../text/policies.ts";

const words = policiesText.form;

/** From when until when it counts: typed in local time, told in UTC too. */
export function ValidityFields({
  from,
  until,
  fromProps,
  untilProps,
}: {
  from: string;
  until: string;
  fromProps: TextInputProps;
  untilProps: TextInputProps;
}) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <TimeField label={words.from} empty={words.fromHint(zone)} {...fromProps} value={from} />
      <TimeField label={words.until} empty={words.untilHint(zone)} {...untilProps} value={until} />
    </SimpleGrid>
  );
}
