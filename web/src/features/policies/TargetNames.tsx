import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "react-router";

import { useNames } from "../../components/entityNames.ts";
import { ofEntity } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { policiesText } from "../../text/policies.ts";
import { keyOf, type Target } from "./target.ts";

/** Targets by their names, as links; `most` of them where there is little room. */
export function TargetNames({ targets, most }: { targets: readonly Target[]; most?: number }) {
  const shown = most === undefined ? targets : targets.slice(0, most);
  if (targets.length === 0) {
    return (
      <Text span inherit c="dimmed">
        {policiesText.nobody}
      </Text>
    );
  }
  return (
    <Group gap={4}>
      {shown.map((target, n) => (
        <span key={keyOf(target)}>
          <TargetName target={target} />
          {n < shown.length - 1 && ","}
        </span>
      ))}
      {targets.length > shown.length && (
        <Text span inherit c="dimmed">
          {t.andMore(targets.length - shown.length)}
        </Text>
      )}
    </Group>
  );
}

/** One target by its name. */
export function TargetName({ target }: { target: Target }) {
  return target.type === "everyone" ? policiesText.everyone : <Named type={target.type} id={target.id} />;
}

function Named({ type, id }: { type: "user" | "group" | "device"; id: string }) {
  const name = useNames(type, [id]).get(id);
  return (
    <>
      <Text span inherit c="dimmed">
        {policiesText.kinds[type]}{" "}
      </Text>
      <Anchor component={Link} to={ofEntity(type, id) ?? ""} inherit>
        {name}
      </Anchor>
    </>
  );
}
