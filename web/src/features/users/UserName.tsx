import { useNames } from "../../components/entityNames.ts";

/** What a user is called, by the id. */
export function UserName({ id }: { id: string }) {
  return useNames("user", [id]).get(id);
}
