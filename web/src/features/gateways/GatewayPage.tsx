import { Alert, Tabs } from "@mantine/core";
import { useParams } from "react-router";

import { ApiError } from "../../api/index.ts";
import { useMayChange } from "../../app/session.ts";
import { Loaded } from "../../components/Loaded.tsx";
import { panelOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { useTab } from "../../components/useTab.ts";
import { to } from "../../paths.ts";
import { gatewaysText } from "../../text/gateways.ts";
import { GatewayActions } from "./GatewayActions.tsx";
import { GatewayOverview } from "./GatewayOverview.tsx";
import { convergenceText, GatewayState } from "./GatewayState.tsx";
import { type Gateway, useGateway } from "./gateway.ts";

const NodeTab = panelOnDemand(() => import("./NodeTab.tsx").then((file) => file.NodeTab));
const BundlesTab = panelOnDemand(() => import("./BundlesTab.tsx").then((file) => file.BundlesTab));
const DrainTab = panelOnDemand(() => import("./DrainTab.tsx").then((file) => file.DrainTab));
const RotationTab = panelOnDemand(() => import("./RotationTab.tsx").then((file) => file.RotationTab));
const History = panelOnDemand(() => import("../../components/History.tsx").then((file) => file.History));

const words = gatewaysText;
const TABS = ["overview", "node", "bundles", "drain", "rotation", "history"] as const;
const up = { label: words.title, to: to.gateways() };

export function Page() {
  const { id = "" } = useParams();
  const query = useGateway(id);
  if (query.error instanceof ApiError && query.error.status === 404) {
    return <Gone key={id} id={id} />;
  }
  return (
    <>
      {query.data === undefined && <PageHeader title={words.title} up={up} />}
      <Loaded query={query}>{(gateway) => <Shown key={id} gateway={gateway} />}</Loaded>
    </>
  );
}

function Shown({ gateway }: { gateway: Gateway }) {
  const mayChange = useMayChange();
  const [tab, setTab] = useTab(TABS);
  const { status, reason } = gateway.convergence;
  return (
    <>
      <PageHeader title={gateway.name} up={up} badge={<GatewayState gateway={gateway} />}>
        {mayChange && <GatewayActions gateway={gateway} />}
      </PageHeader>
      {!["in_sync", "unknown"].includes(status) && (
        <Alert color={["behind", "never_joined"].includes(status) ? "orange" : "red"} mb="md">
          {convergenceText(gateway.convergence)} {reason}
        </Alert>
      )}
      <Tabs value={tab} onChange={setTab} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {words.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="overview">
          <GatewayOverview gateway={gateway} />
        </Tabs.Panel>
        <Tabs.Panel value="node">
          <NodeTab gateway={gateway} />
        </Tabs.Panel>
        <Tabs.Panel value="bundles">
          <BundlesTab id={gateway.id} />
        </Tabs.Panel>
        <Tabs.Panel value="drain">
          <DrainTab gateway={gateway} />
        </Tabs.Panel>
        <Tabs.Panel value="rotation">
          <RotationTab gateway={gateway} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History type="gateway" id={gateway.id} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

/** What is left of a deleted gateway: the history. */
function Gone({ id }: { id: string }) {
  return (
    <>
      <PageHeader title={words.gone} up={up} />
      <Alert color="gray" mb="lg">
        {words.goneText}
      </Alert>
      <History type="gateway" id={id} />
    </>
  );
}
