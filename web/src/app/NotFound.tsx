import { Button } from "@mantine/core";
import { Link } from "react-router";

import { PageHeader } from "../components/PageHeader.tsx";
import { to } from "../paths.ts";
import { t } from "../text/common.ts";

export function NotFound() {
  return (
    <>
      <PageHeader title={t.problem.notFound} />
      <Button component={Link} to={to.home()} variant="default">
        {t.problem.notFoundHome}
      </Button>
    </>
  );
}
