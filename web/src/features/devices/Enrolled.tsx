import { Accordion, Alert, Box, Button, Group, Image, List, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";

import type { Schemas } from "../../api/client.ts";
import { CopyBlock, OneTime } from "../../components/OneTime.tsx";
import { saveFile } from "../../components/saveFile.ts";
import { devicesText } from "../../text/devices.ts";
import { type EnrolAnswer, isPhone, svgImage, tunnelName, wasShown } from "./enrolment.ts";

const words = devicesText.enrolled;

/** A new profile, with the keys that are shown this once, and what to do with it. */
export function Enrolled({ answer, platform }: { answer: EnrolAnswer; platform: string }) {
  if (wasShown(answer)) {
    return <Alert color="orange">{words.shown}</Alert>;
  }
  if (!("profile" in answer)) {
    return "private_key" in answer && answer.private_key !== undefined ? (
      <OneTime text={answer.private_key} label={words.privateKey} hint={words.pending} />
    ) : (
      <Text size="sm">{words.pendingOwnKey}</Text>
    );
  }
  return <Profile enrolment={answer} platform={platform} />;
}

function Profile({ enrolment, platform }: { enrolment: Schemas["Enrolment"]; platform: string }) {
  const { device, peer, profile } = enrolment;
  const { complete, content, qr_svg: qr } = profile;
  const tunnel = tunnelName(device.name ?? "");
  const file = `${tunnel}.conf`;
  return (
    <Stack>
      {complete && <Alert color="yellow">{words.once}</Alert>}
      {!complete && (
        <Alert color={peer.preshared_key ? "yellow" : "blue"}>
          {words.ownKey} {peer.preshared_key ? words.ownKeySecret : ""}
        </Alert>
      )}
      {complete && isPhone(platform) && !qr && <Text size="sm">{words.noQr}</Text>}
      <Group align="flex-start" gap="lg" justify="center">
        {qr && (
          // Readers of QR codes want dark on light.
          <Box bg="white" p={4} style={{ borderRadius: "var(--mantine-radius-md)" }}>
            <Image src={svgImage(qr)} alt={words.qr} w={240} h={240} />
          </Box>
        )}
        <Stack flex={1} miw={220} gap="sm">
          <List size="sm" spacing="xs">
            {qr && <List.Item>{words.scan}</List.Item>}
            {!isPhone(platform) && (
              <List.Item>{platform === "linux" ? words.linux : words.import}</List.Item>
            )}
          </List>
          {platform === "linux" && (
            <CopyBlock
              label={words.linux}
              text={`sudo install -m 600 ${file} /etc/wireguard/ && rm ${file}\nsudo wg-quick up ${tunnel}`}
            />
          )}
          <Button
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            onClick={() => saveFile(content, file)}
          >
            {words.download}
          </Button>
        </Stack>
      </Group>
      <Accordion variant="contained">
        <Accordion.Item value="content">
          <Accordion.Control>{words.content}</Accordion.Control>
          <Accordion.Panel>
            <CopyBlock text={content} label={words.contentLabel} />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
