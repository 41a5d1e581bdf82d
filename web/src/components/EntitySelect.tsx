import { Select, type SelectProps } from "@mantine/core";
import { type ReactNode, useState } from "react";

import { type EntityKind, useNames, useOffered } from "./entityNames.ts";

/** What the fields for one and for several have in common. */
export interface EntityField {
  kind: EntityKind;
  label?: ReactNode;
  /** In the place of a label that is shown, as filters have it. */
  "aria-label"?: string;
  w?: SelectProps["w"];
  placeholder?: string;
  description?: string;
  error?: ReactNode;
  required?: boolean;
  disabled?: boolean;
}

/** One entity, by its name. */
export function EntitySelect({
  kind,
  value,
  onChange,
  clearable = true,
  ...rest
}: EntityField & { value: string | null; onChange: (id: string | null) => void; clearable?: boolean }) {
  const [text, setText] = useState("");
  const names = useNames(kind, value === null ? [] : [value]);
  // The chosen one's own name would find only itself.
  const searched = value !== null && text === names.get(value) ? "" : text;
  const offered = useOffered(kind, searched, names);
  return (
    <Select
      {...rest}
      searchable
      clearable={clearable}
      allowDeselect={clearable}
      {...offered}
      value={value}
      onChange={onChange}
      searchValue={text}
      onSearchChange={setText}
      filter={({ options }) => options}
    />
  );
}
