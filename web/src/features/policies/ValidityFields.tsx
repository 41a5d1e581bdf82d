import { SimpleGrid, TextInput, type TextInputProps } from "@mantine/core";

import { fromLocalInput, inUtc } from "../../components/localTime.ts";
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
  const hint = (text: string, empty: string) => {
    const time = fromLocalInput(text);
    return time === null ? empty : inUtc(time);
  };
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <TextInput
        type="datetime-local"
        label={words.from}
        description={hint(from, words.fromHint(zone))}
        step={from.length > 16 ? 1 : 60}
        {...fromProps}
      />
      <TextInput
        type="datetime-local"
        label={words.until}
        description={hint(until, words.untilHint(zone))}
        step={until.length > 16 ? 1 : 60}
        {...untilProps}
      />
    </SimpleGrid>
  );
}
