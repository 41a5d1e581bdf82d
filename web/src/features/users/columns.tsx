import { Anchor } from "@mantine/core";
import { Link } from "react-router";

import type { Schemas } from "../../api/client.ts";
import type { Column } from "../../components/DataTable.tsx";
import { Status } from "../../components/Status.tsx";
import { to } from "../../paths.ts";
import { t } from "../../text/common.ts";
import { sessionText } from "../../text/session.ts";
import { usersText } from "../../text/users.ts";

/** The columns of users, wherever they are listed. */
export const userColumns: readonly Column<Schemas["User"]>[] = [
  {
    key: "username",
    title: usersText.username,
    sort: "username",
    render: (user) => (
      <Anchor component={Link} to={to.user(user.id)} inherit fw={500}>
        {user.username ?? t.erased}
      </Anchor>
    ),
  },
  { key: "display_name", title: usersText.displayName, sort: "display_name", from: "sm", render: (user) => user.display_name },
  { key: "email", title: usersText.email, from: "lg", render: (user) => user.email },
  { key: "role", title: usersText.role, from: "md", render: (user) => sessionText.roles[user.role] },
  { key: "status", title: usersText.status, render: (user) => <Status of={user.status} /> },
];
