import { Button, Menu } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";

import { client } from "../../api/index.ts";
import { BulkBar } from "../../components/BulkBar.tsx";
import { confirm } from "../../components/confirm.tsx";
import { useNames } from "../../components/entityNames.ts";
import { dialogOnDemand } from "../../components/onDemand.tsx";
import { previewOfMany } from "../../components/previewOfMany.ts";
import { NAMED, Which } from "../../components/Which.tsx";
import { usersText } from "../../text/users.ts";
import { runBulk } from "./runBulk.ts";
import { UserName } from "./UserName.tsx";

const ChooseGroup = dialogOnDemand(
  () => import("./ChooseGroup.tsx").then((file) => file.ChooseGroup),
  ({ action }) => action !== undefined,
);

/** What can be done with the selected users. */
export function UserBulk({ ids, onDone }: { ids: readonly string[]; onDone: () => void }) {
  const [choosing, setChoosing] = useState<"add_to_group" | "remove_from_group">();
  const n = usersText.count(ids.length);
  const ask = (action: "enable" | "disable" | "delete") =>
    confirm({
      title: usersText.bulkTitle(usersText.bulkActions[action], n),
      text: <Named text={usersText.bulkText[action]} ids={ids} />,
      verb: usersText.bulkActions[action],
      danger: action !== "enable",
      preview: () => previewOfMany(client.POST("/admin/preview/users/bulk", { body: { action, ids: [...ids] } })),
      nameOf: (id) => <UserName id={id} />,
      action: (headers) => runBulk(action, ids, headers),
      onDone,
    });
  return (
    <>
      <BulkBar n={ids.length} onClear={onDone}>
        <Button size="xs" variant="default" onClick={() => ask("enable")}>
          {usersText.bulkActions.enable}
        </Button>
        <Button size="xs" variant="default" onClick={() => ask("disable")}>
          {usersText.bulkActions.disable}
        </Button>
        <Menu>
          <Menu.Target>
            <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />}>
              {usersText.groups}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setChoosing("add_to_group")}>{usersText.bulkActions.add_to_group}</Menu.Item>
            <Menu.Item onClick={() => setChoosing("remove_from_group")}>
              {usersText.bulkActions.remove_from_group}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
        <Button size="xs" variant="light" color="red" onClick={() => ask("delete")}>
          {usersText.bulkActions.delete}
        </Button>
      </BulkBar>
      <ChooseGroup action={choosing} ids={ids} onDone={onDone} close={() => setChoosing(undefined)} />
    </>
  );
}

/** Who the selected ones are; they may be on several pages. */
function Named({ text, ids }: { text: string; ids: readonly string[] }) {
  const names = useNames("user", ids.slice(0, NAMED));
  return <Which text={text} names={[...names.values()]} total={ids.length} />;
}
