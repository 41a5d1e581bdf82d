import { PageHeader } from "../../components/PageHeader.tsx";
import { t } from "../../text/index.ts";

export function Page() {
  return <PageHeader title={t.me.title} />;
}
