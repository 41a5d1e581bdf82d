import { Button, Group } from "@mantine/core";

import { OnceModal } from "../../components/OnceModal.tsx";
import { t } from "../../text/common.ts";
import { devicesText } from "../../text/devices.ts";
import { Enrolled } from "./Enrolled.tsx";
import { type EnrolAnswer, holdsSecret } from "./enrolment.ts";

/** What is shown this once, in a dialog that asks before it is lost. */
export function EnrolledModal({
  answer,
  platform,
  title,
  onClose,
}: {
  /** Nothing is shown without. */
  answer: EnrolAnswer | undefined;
  platform: string;
  title: string;
  onClose: () => void;
}) {
  const secret = answer !== undefined && holdsSecret(answer);
  return (
    <OnceModal
      opened={answer !== undefined}
      onClose={onClose}
      holds={secret}
      closing={devicesText.enrolled.closing}
      title={title}
      size="lg"
    >
      {answer !== undefined && <Enrolled answer={answer} platform={platform} />}
      <Group justify="flex-end">
        <Button onClick={onClose}>{secret ? t.oneTimeDone : t.close}</Button>
      </Group>
    </OnceModal>
  );
}
