import { useNavigate } from "react-router";

import { PageHeader } from "../../components/PageHeader.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/index.ts";
import { PolicyEditor } from "./PolicyEditor.tsx";

export function Page() {
  const navigate = useNavigate();
  return (
    <>
      <PageHeader
        title={t.policies.newTitle}
        text={t.policies.newText}
        up={{ label: t.policies.title, to: to.policies() }}
      />
      <PolicyEditor onSaved={({ id }) => void navigate(to.policy(id), { replace: true })} />
    </>
  );
}
