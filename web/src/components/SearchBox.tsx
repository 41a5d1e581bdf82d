import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";

import { t } from "../text/common.ts";

/** Searches as one types, a moment after the last key. `/` goes to it. */
export function SearchBox({
  value,
  onChange,
  label,
  placeholder,
}: {
  value: string;
  onChange: (value: string) => void;
  label: string;
  placeholder?: string;
}) {
  const [text, setText] = useState(value);
  // What was asked for and has not come back by the URL yet.
  const sent = useRef<string[]>([]);
  const later = useDebouncedCallback((text: string) => {
    sent.current.push(text);
    onChange(text);
  }, 250);
  useEffect(() => {
    const echo = sent.current.indexOf(value);
    if (echo !== -1) {
      // More may have been typed since then.
      sent.current.splice(0, echo + 1);
      return;
    }
    // The URL may change by itself: the browser's Back, filters that are cleared.
    sent.current = [];
    later.cancel();
    setText(value);
  }, [value]);
  const change = (text: string) => {
    setText(text);
    later(text);
  };
  return (
    <TextInput
      type="search"
      data-search
      aria-label={label}
      placeholder={placeholder ?? label}
      leftSection={<IconSearch size={16} />}
      rightSection={
        text === "" ? null : <CloseButton size="sm" aria-label={t.clearSearch} onClick={() => change("")} />
      }
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      w={{ base: "100%", xs: 280 }}
    />
  );
}
