import { Alert, Button, FileInput, Group, List, Loader, Modal, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { IconFileText } from "@tabler/icons-react";
import { useState } from "react";

import { ApiError, changed, client } from "../../api/index.ts";
import { messageOf } from "../../components/problem.ts";
import { type Because, useReason } from "../../components/reason.ts";
import { ReasonField } from "../../components/ReasonField.tsx";
import { t } from "../../text/common.ts";
import { fieldText } from "../../text/fields.ts";
import { usersText } from "../../text/users.ts";
import { badRows, mediaType, type Report, whatIsWrong } from "./importFile.ts";

const u = usersText;

async function send(
  file: File,
  query: { dry_run?: boolean; partial?: boolean },
  header: Because,
): Promise<Report> {
  const type = mediaType(file.name);
  if (type === undefined) {
    throw new Error(u.importWrongType);
  }
  const text = await file.text();
  const { data } = await client.POST("/admin/users/import", {
    params: { query, header },
    headers: { "content-type": type },
    // The API's document has both forms; the client knows the one that is JSON.
    body: text as never,
    bodySerializer: (body) => body as unknown as string,
  });
  return data as Report;
}

/** Imports users: every row is looked at before any is imported. */
export function ImportUsers({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={u.importTitle} size="xl" closeOnClickOutside={false}>
      <Import close={onClose} />
    </Modal>
  );
}

function Import({ close }: { close: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<Report>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState<string>();
  const reason = useReason();

  const run = async (of: File, query: { dry_run?: boolean; partial?: boolean }, doing: string) => {
    setBusy(doing);
    setProblem(undefined);
    try {
      setReport(await send(of, query, reason.header));
      if (query.dry_run !== true) {
        await changed();
      }
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(undefined);
    }
  };
  const choose = (chosen: File | null) => {
    setFile(chosen);
    setReport(undefined);
    setProblem(undefined);
    if (chosen !== null) {
      void run(chosen, { dry_run: true }, u.checking);
    }
  };

  const good = report === undefined ? 0 : report.total - badRows(report).length;
  const mayImport = file !== null && report?.dry_run === true && good > 0;
  return (
    <Stack>
      <Text size="sm">{u.importText}</Text>
      <FileInput
        label={u.importFile}
        description={u.importLimits}
        placeholder={u.importPlaceholder}
        accept=".csv,.json,text/csv,application/json"
        leftSection={<IconFileText size={16} aria-hidden />}
        value={file}
        onChange={choose}
        clearable
        clearButtonProps={{ "aria-label": u.importNoFile }}
        disabled={busy !== undefined}
        data-autofocus
      />
      {busy !== undefined && (
        <Group gap="sm" role="status">
          <Loader size="sm" />
          <Text size="sm">{busy}</Text>
        </Group>
      )}
      {problem !== undefined && <Refused error={problem} />}
      {report !== undefined && busy === undefined && <Outcome report={report} good={good} />}
      {mayImport && <ReasonField {...reason.field} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {report?.dry_run === false ? t.close : t.cancel}
        </Button>
        {mayImport && (
          <Button
            loading={busy !== undefined}
            onClick={() => void run(file, { partial: good < report.total }, u.importing)}
          >
            {good === report.total ? u.importVerb(good) : u.importRest(good)}
          </Button>
        )}
        {file !== null && report?.rows.some(({ status }) => status === "not_tried" || status === "failed") && (
          <Button loading={busy !== undefined} onClick={() => void run(file, { dry_run: true }, u.checking)}>
            {u.importAgain}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

/** The file as a whole was refused. */
function Refused({ error }: { error: unknown }) {
  const details = error instanceof ApiError ? error.details : [];
  return (
    <Alert color="red" role="alert">
      {messageOf(error)}
      {details.length > 0 && (
        <List size="sm" mt="xs">
          {details.map(({ field, message }) => (
            <List.Item key={`${field} ${message}`}>
              {fieldText(field)}: {message}
            </List.Item>
          ))}
        </List>
      )}
    </Alert>
  );
}

function summary(report: Report, good: number): string {
  if (!report.dry_run) {
    return u.imported(report.created);
  }
  if (good === report.total) {
    return u.allGood(good);
  }
  return good === 0 ? u.allBad(report.total) : u.someBad(report.total - good, report.total);
}

function Outcome({ report, good }: { report: Report; good: number }) {
  const bad = badRows(report);
  return (
    <Stack gap="sm">
      <Alert color={bad.length === 0 ? "green" : "orange"} role="status">
        {summary(report, good)}
        {!report.dry_run && bad.length > 0 && ` ${u.notImported(bad.length)}`}
      </Alert>
      {bad.length > 0 && (
        <ScrollArea.Autosize mah={320} type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": u.badRows }}>
          <Table fz="sm" stickyHeader verticalSpacing={4} aria-label={u.badRows}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th w={64}>{u.row}</Table.Th>
                <Table.Th miw={96}>{u.username}</Table.Th>
                <Table.Th>{u.problem}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {bad.map((row) => (
                <Table.Tr key={row.row}>
                  <Table.Td className="nums">{row.row}</Table.Td>
                  <Table.Td>{row.username ?? "–"}</Table.Td>
                  <Table.Td>{whatIsWrong(row)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      )}
    </Stack>
  );
}
