import { Spotlight, spotlight } from "@mantine/spotlight";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";

import { api } from "../api/index.ts";
import { to } from "../paths.ts";
import { t } from "../text/common.ts";
import { administration, own } from "./navigation.ts";

/** So many of each kind are offered. */
const FEW = 5;

/** Every page, and every user, group, device, policy and gateway by name. */
export function PaletteDialog() {
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 200);
  const navigate = useNavigate();
  // It was asked for before it was there.
  useEffect(spotlight.open, []);
  const params = { params: { query: { q, page_size: FEW } } };
  const asked = { enabled: q !== "" };
  const users = api.useQuery("get", "/admin/users", params, asked);
  const groups = api.useQuery("get", "/admin/groups", params, asked);
  const devices = api.useQuery("get", "/admin/devices", params, asked);
  const policies = api.useQuery("get", "/admin/policies", params, asked);
  const gateways = api.useQuery("get", "/admin/gateways", params, asked);

  const n = t.navigation;
  const found = [
    {
      group: n.users,
      items: users.data?.items.map((one) => ({ label: one.username, path: to.user(one.id) })),
    },
    {
      group: n.groups,
      items: groups.data?.items.map((one) => ({ label: one.name, path: to.group(one.id) })),
    },
    {
      group: n.devices,
      items: devices.data?.items.map((one) => ({ label: one.name, path: to.device(one.id) })),
    },
    {
      group: n.policies,
      items: policies.data?.items.map((one) => ({ label: one.name, path: to.policy(one.id) })),
    },
    {
      group: n.gateways,
      items: gateways.data?.items.map((one) => ({ label: one.name, path: to.gateway(one.id) })),
    },
  ];
  const matches = (label: string) => label.toLowerCase().includes(text.trim().toLowerCase());
  const places = [...administration, ...own].filter(({ label }) => matches(label));
  const some = q === "" ? [] : found.filter(({ items }) => items !== undefined && items.length > 0);

  return (
    <Spotlight.Root query={text} onQueryChange={setText} shortcut={["mod + K"]} clearQueryOnClose>
      <Spotlight.Search
        placeholder={t.searchEverything}
        aria-label={t.searchEverything}
        leftSection={<IconSearch size={18} />}
      />
      <Spotlight.ActionsList>
        {places.length === 0 && some.length === 0 && <Spotlight.Empty>{t.noMatches}</Spotlight.Empty>}
        {some.map(({ group, items }) => (
          <Spotlight.ActionsGroup key={group} label={group}>
            {items?.map(({ label, path }) => (
              <Spotlight.Action key={path} label={label ?? t.erased} onClick={() => navigate(path)} />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {places.map((place) => (
          <Spotlight.Action
            key={place.to}
            label={place.label}
            leftSection={<place.icon size={18} />}
            onClick={() => navigate(place.to)}
          />
        ))}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
