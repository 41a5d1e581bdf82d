import { Combobox, Input, Modal, Text, useCombobox } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";

import { api } from "../api/index.ts";
import { to } from "../paths.ts";
import { t } from "../text/common.ts";
import { administration, own, searchText } from "./navigation.ts";
import { useAdministers } from "./session.ts";

/** So many of each kind are offered. */
const FEW = 5;

/** Every page; for those who see the whole fleet, every user, group, device, policy and gateway by name too. */
export function PaletteDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const administers = useAdministers();
  return (
    <Modal.Root opened={opened} onClose={onClose} size={600} yOffset={80}>
      <Modal.Overlay blur={4} />
      <Modal.Content aria-label={searchText(administers)}>
        <Finder administers={administers} onClose={onClose} />
      </Modal.Content>
    </Modal.Root>
  );
}

function Finder({ administers, onClose }: { administers: boolean; onClose: () => void }) {
  const [text, setText] = useState("");
  const navigate = useNavigate();
  const { found, late, failed } = useFound(administers ? text.trim() : "");
  const typed = text.trim().toLowerCase();
  const places = (administers ? [...administration, ...own] : own).filter(({ label }) => label.toLowerCase().includes(typed));
  const combobox = useCombobox({ opened: true, onDropdownClose: onClose });
  const input = useRef<HTMLInputElement>(null);
  const offered = [...found.flatMap(({ items }) => items.map(({ path }) => path)), ...places.map((place) => place.to)];
  useEffect(() => {
    // Enter takes the first, without another key.
    const first = combobox.selectFirstOption();
    input.current?.setAttribute("aria-activedescendant", first ?? "");
  }, [offered.join()]);
  const choose = (path: string) => {
    onClose();
    navigate(path);
  };
  return (
    <Combobox store={combobox} onOptionSubmit={choose} withinPortal={false}>
      <Combobox.EventsTarget withExpandedAttribute>
        <Input
          ref={input}
          size="lg"
          variant="unstyled"
          placeholder={searchText(administers)}
          aria-label={searchText(administers)}
          leftSection={<IconSearch size={18} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-autofocus
        />
      </Combobox.EventsTarget>
      <Combobox.Options
        mah="min(400px, 60dvh)"
        p="xs"
        aria-label={searchText(administers)}
        style={{ overflowY: "auto", borderTop: "1px solid var(--mantine-color-default-border)" }}
      >
        {failed && <Combobox.Empty>{t.unread}</Combobox.Empty>}
        {offered.length === 0 && !failed && <Combobox.Empty>{late ? t.searching : t.noMatches}</Combobox.Empty>}
        {found.map(({ group, items }) => (
          <Combobox.Group key={group} label={group}>
            {items.map(({ label, path }) => (
              <Combobox.Option key={path} value={path}>
                {label}
              </Combobox.Option>
            ))}
          </Combobox.Group>
        ))}
        {places.map((place) => (
          <Combobox.Option key={place.to} value={place.to}>
            <place.icon size={18} aria-hidden style={{ verticalAlign: "text-bottom", marginInlineEnd: 8 }} />
            <Text span inherit>
              {place.label}
            </Text>
          </Combobox.Option>
        ))}
      </Combobox.Options>
    </Combobox>
  );
}

/** What is called so, by its kind; whether some of it is still to come, or could not be read. */
function useFound(text: string) {
  const [q] = useDebouncedValue(text, 200);
  const params = { params: { query: { q, page_size: FEW } } };
  const asked = { enabled: q !== "" };
  const users = api.useQuery("get", "/admin/users", params, asked);
  const groups = api.useQuery("get", "/admin/groups", params, asked);
  const devices = api.useQuery("get", "/admin/devices", params, asked);
  const policies = api.useQuery("get", "/admin/policies", params, asked);
  const gateways = api.useQuery("get", "/admin/gateways", params, asked);
  // What was found for something else is not offered: Enter would take it.
  if (q === "" || q !== text) {
    return { found: [], late: q !== text, failed: false };
  }
  const all = [users, groups, devices, policies, gateways];
  const named = (list: { items: { id: string; name?: string | null }[] } | undefined, path: (id: string) => string) =>
    (list?.items ?? []).map(({ id, name }) => ({ label: name ?? t.erased, path: path(id) }));
  const n = t.navigation;
  const found = [
    {
      group: n.users,
      items: (users.data?.items ?? []).map(({ id, username }) => ({ label: username ?? t.erased, path: to.user(id) })),
    },
    { group: n.groups, items: named(groups.data, to.group) },
    { group: n.devices, items: named(devices.data, to.device) },
    { group: n.policies, items: named(policies.data, to.policy) },
    { group: n.gateways, items: named(gateways.data, to.gateway) },
  ].filter(({ items }) => items.length > 0);
  return { found, late: all.some(({ isPending }) => isPending), failed: all.some(({ isError }) => isError) };
}
