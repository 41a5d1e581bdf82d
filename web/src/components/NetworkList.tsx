import { List, Text } from "@mantine/core";

import type { Schemas } from "../api/client.ts";
import { t } from "../text/common.ts";
import { servicesText } from "./serviceText.ts";

/** Where to, each with its services; how many more there are where the server left some out. */
export function NetworkList({ list }: { list: Schemas["PreviewChange"]["gained"] }) {
  return (
    <List size="sm" my={4} listStyleType="none">
      {list.items.map(({ network, services }) => (
        <List.Item key={`${network} ${JSON.stringify(services)}`}>
          <Text span inherit ff="monospace">
            {network}
          </Text>{" "}
          <Text span inherit c="dimmed">
            {servicesText(services)}
          </Text>
        </List.Item>
      ))}
      {list.truncated && <List.Item>{t.andMore(list.total - list.items.length)}</List.Item>}
    </List>
  );
}
