import { Alert, List } from "@mantine/core";

/** What saving a form would mean for people, told as one types. */
export function Consequences({ title, said }: { title: string; said: readonly string[] }) {
  return (
    <div role="status">
      {said.length > 0 && (
        <Alert color="orange" title={title} mt="md">
          <List size="sm">
            {said.map((text) => (
              <List.Item key={text}>{text}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </div>
  );
}
