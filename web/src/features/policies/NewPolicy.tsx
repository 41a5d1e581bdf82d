import { useNavigate } from "react-router";

import { useMayChange } from "../../app/session.ts";
import { Empty } from "../../components/Empty.tsx";
import { PageHeader } from "../../components/PageHeader.tsx";
import { to } from "../../paths.ts";
import { policiesText } from "../../text/policies.ts";
import { PolicyEditor } from "./PolicyEditor.tsx";

export function Page() {
  const navigate = useNavigate();
  const mayChange = useMayChange();
  return (
    <>
      <PageHeader
        title={policiesText.createTitle}
        text={policiesText.createText}
        up={{ label: policiesText.title, to: to.policies() }}
      />
      {mayChange ? (
        <PolicyEditor onSaved={({ id }) => void navigate(to.policy(id), { replace: true })} />
      ) : (
        <Empty title={policiesText.lookOnly.title} text={policiesText.lookOnly.text} />
      )}
    </>
  );
}
