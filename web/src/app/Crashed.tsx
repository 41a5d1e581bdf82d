import { Button, Container } from "@mantine/core";
import { useRouteError } from "react-router";

import { Empty } from "../components/Empty.tsx";
import { messageOf } from "../components/problem.ts";
import { t } from "../text/common.ts";

/** A page that could not be shown; the others can. */
export function Crashed() {
  const error = useRouteError();
  return (
    <Container role="alert">
      <Empty title={t.problem.crashed} text={messageOf(error)}>
        <Button onClick={() => location.reload()}>{t.retry}</Button>
      </Empty>
    </Container>
  );
}
