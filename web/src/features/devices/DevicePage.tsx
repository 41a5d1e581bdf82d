import { Tabs } from "@mantine/core";
import { useParams } from "react-router";

import { useMayChange } from "../../app/session.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { panelOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { Status } from "../../components/Status.tsx";
import { useTab } from "../../components/useTab.ts";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { DeviceActions } from "./DeviceActions.tsx";
import { DeviceOverview } from "./DeviceOverview.tsx";
import { type ReadDevice, useDevice } from "./device.ts";

const DeviceReaches = panelOnDemand(() => import("./DeviceReaches.tsx").then((file) => file.DeviceReaches));
const DeviceProfile = panelOnDemand(() => import("./DeviceProfile.tsx").then((file) => file.DeviceProfile));
const DeviceHistory = panelOnDemand(() => import("./DeviceHistory.tsx").then((file) => file.DeviceHistory));

const words = devicesText;
const up = { label: words.title, to: to.devices() };

export function Page() {
  const { id = "" } = useParams();
  const query = useDevice(id);
  return (
    <>
      {query.data === undefined && <PageHeader title={words.title} up={up} />}
      <Loaded query={query}>{(read) => <Shown key={id} read={read} />}</Loaded>
    </>
  );
}

function Shown({ read }: { read: ReadDevice }) {
  const { device } = read;
  const mayChange = useMayChange();
  const [tab, setTab] = useTab(["overview", "reaches", "profile", "history"]);
  // The profile is for admins: auditors are not shown what opens a tunnel.
  const shown = tab === "profile" && !mayChange ? "overview" : tab;
  return (
    <>
      <PageHeader
        title={device.name ?? t.erased}
        up={up}
        badge={<Status of={device.status} />}
      >
        {mayChange && device.status !== "revoked" && <DeviceActions read={read} />}
      </PageHeader>
      <Tabs value={shown} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="overview">{words.tabs.overview}</Tabs.Tab>
          <Tabs.Tab value="reaches">{words.tabs.reaches}</Tabs.Tab>
          {mayChange && <Tabs.Tab value="profile">{words.tabs.profile}</Tabs.Tab>}
          <Tabs.Tab value="history">{words.tabs.history}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="overview">
          <DeviceOverview device={device} />
        </Tabs.Panel>
        <Tabs.Panel value="reaches">
          <DeviceReaches id={device.id} />
        </Tabs.Panel>
        <Tabs.Panel value="profile">
          <DeviceProfile device={device} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <DeviceHistory read={read} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
