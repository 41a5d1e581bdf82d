import { useNavigate } from "react-router";

import { PageHeader } from "../../components/PageHeader.tsx";
import { to } from "../../paths.ts";
import { policiesText } from "../../text/policies.ts";
import { PolicyEditor } from "./PolicyEditor.tsx";

export function Page() {
  const navigate = useNavigate();
  return (
    <>
      <PageHeader
        title={policiesText.createTitle}
        text={policiesText.createText}
        up={{ label: policiesText.title, to: to.policies() }}
      />
      <PolicyEditor onSaved={({ id }) => void navigate(to.policy(id), { replace: true })} />
    </>
  );
}
