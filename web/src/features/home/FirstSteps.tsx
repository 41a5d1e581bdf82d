import { Anchor, List, Paper, Text, ThemeIcon, Title, VisuallyHidden } from "@mantine/core";
import { IconCheck, IconCircleDashed } from "@tabler/icons-react";
import { Link } from "react-router";

import { api } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { Problem } from "../../components/Problem.tsx";
import { to } from "../../paths.ts";
import { homeText } from "../../text/home.ts";
import { useGateways, useUserCount } from "./reads.ts";

const words = homeText.steps;
const ONE = { params: { query: { page_size: 1 } } };

/** The way from an empty server to a first connection; nothing once it has been gone. */
export function FirstSteps() {
  const mayChange = useMayChange();
  const reads = [
    useGateways(),
    useUserCount(),
    // Those of any state count here: whoever has disabled the only policy needs no first steps.
    api.useQuery("get", "/admin/policies", ONE),
    api.useQuery("get", "/admin/devices", ONE),
  ];
  const failed = reads.find(({ data, error }) => data === undefined && error !== null);
  if (mayChange && failed !== undefined) {
    return <Problem error={failed.error} retry={() => void reads.map(({ refetch }) => refetch())} />;
  }
  const [gateways, users, policies, devices] = reads.map(({ data }) => data?.total);
  if (gateways === undefined || users === undefined || policies === undefined || devices === undefined) {
    return null;
  }
  const steps = [
    { done: gateways > 0, label: words.gateway, text: words.gatewayText, path: to.gateways() },
    // The first one is the admin who was made at the first start.
    { done: users > 1, label: words.users, text: words.usersText, path: to.users() },
    { done: policies > 0, label: words.policy, text: words.policyText, path: to.newPolicy() },
    { done: devices > 0, label: words.device, text: words.deviceText, path: to.devices() },
  ];
  if (!mayChange || steps.every(({ done }) => done)) {
    return null;
  }
  return (
    <Paper withBorder p="md" component="section">
      <Title order={2} size="h4">
        {words.title}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {words.text}
      </Text>
      <List type="ordered" listStyleType="none" spacing="sm">
        {steps.map(({ done, label, text, path }) => (
          <List.Item
            key={path}
            icon={
              <ThemeIcon size={26} radius="xl" variant="light" color={done ? "green" : "gray"}>
                {done ? <IconCheck size={16} aria-hidden /> : <IconCircleDashed size={16} aria-hidden />}
              </ThemeIcon>
            }
          >
            <VisuallyHidden>{done ? words.done : words.open}: </VisuallyHidden>
            {done ? (
              <Text span fw={600} c="dimmed" td="line-through">
                {label}
              </Text>
            ) : (
              <Anchor component={Link} to={path} fw={600}>
                {label}
              </Anchor>
            )}
            <Text size="sm" c="dimmed">
              {text}
            </Text>
          </List.Item>
        ))}
      </List>
    </Paper>
  );
}
