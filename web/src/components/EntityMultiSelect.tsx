import { MultiSelect } from "@mantine/core";
import { useState } from "react";

import { useNames, useOffered } from "./entityNames.ts";
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
  const offered = useOffered(kind, text, names);
  return (
    <MultiSelect
      {...rest}
      searchable
      clearable
      hidePickedOptions
      {...offered}
      value={[...value]}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options}
    />
  );
}
