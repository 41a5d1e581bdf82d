import { Notifications } from "@mantine/notifications";

export function ShownNotices() {
  return <Notifications position="top-right" />;
}
