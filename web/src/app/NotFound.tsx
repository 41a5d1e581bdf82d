import { Button } from "@mantine/core";
import { Link } from "react-router";

import { Empty } from "../components/Empty.tsx";
import { to } from "../paths.ts";
import { t } from "../text/index.ts";

export function NotFound() {
  return (
    <Empty title={t.problem.notFound}>
      <title>{`${t.problem.notFound} · ${t.product}`}</title>
      <Button component={Link} to={to.home()} variant="default">
        {t.problem.notFoundHome}
      </Button>
    </Empty>
  );
}
