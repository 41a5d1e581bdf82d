import { MultiSelect } from "@mantine/core";
import { useState } from "react";

import { t } from "../text/common.ts";
import { useFound, useNames } from "./entityNames.ts";
import type { EntityField } from "./EntitySelect.tsx";

/** Several entities of a kind, by their names. */
export function EntityMultiSelect({
  kind,
  value,
  onChange,
  ...rest
}: EntityField & { value: readonly string[]; onChange: (ids: string[]) => void }) {
  const [text, setText] = useState("");
  const names = useNames(kind, value);
  const found = useFound(kind, text);
  const chosen: [string, string][] = [...names].filter(([id]) => !found.some(([one]) => one === id));
  return (
    <MultiSelect
      {...rest}
      searchable
      clearable
      hidePickedOptions
      data={[...chosen, ...found].map(([value, label]) => ({ value, label }))}
      value={[...value]}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options}
      nothingFoundMessage={t.noMatches}
    />
  );
}
