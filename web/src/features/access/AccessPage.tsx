import { Tabs } from "@mantine/core";

import { panelOnDemand } from "../../components/onDemand.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { accessText } from "../../text/access.ts";
import { Explain } from "./Explain.tsx";
import { useQuestion } from "./question.ts";

const Diff = panelOnDemand(() => import("./Diff.tsx").then((file) => file.Diff));
const Matrix = panelOnDemand(() => import("./Matrix.tsx").then((file) => file.Matrix));
const WhoReaches = panelOnDemand(() => import("./WhoReaches.tsx").then((file) => file.WhoReaches));

const TABS = ["explain", "who", "matrix", "diff"] as const;

/** Who reaches what, when, and why. */
export function Page() {
  const { params, ask } = useQuestion();
  const named = params.get("tab");
  const tab = TABS.find((one) => one === named) ?? TABS[0];
  return (
    <>
      <PageHeader title={accessText.title} text={accessText.about} />
      {/* The question goes along: whoever asked why may ask who else. */}
      <Tabs value={tab} onChange={(next) => ask({ tab: next === TABS[0] ? null : next })} keepMounted={false}>
        <Tabs.List mb="lg">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {accessText.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="explain">
          <Explain />
        </Tabs.Panel>
        <Tabs.Panel value="who">
          <WhoReaches />
        </Tabs.Panel>
        <Tabs.Panel value="matrix">
          <Matrix />
        </Tabs.Panel>
        <Tabs.Panel value="diff">
          <Diff />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
