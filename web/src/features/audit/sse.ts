/** Server-sent events out of a stream of bytes. Not `EventSource`: that cannot send a token. */

export interface Message {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** Takes pieces of text as they come, and gives the messages that they complete. */
export function reader(): (piece: string) => Message[] {
  let rest = "";
  let event = "";
  let id = "";
  let data: string[] = [];
  return (piece) => {
    rest += piece;
    const messages: Message[] = [];
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) {
          messages.push({ event: event === "" ? "message" : event, id, data: data.join("\n") });
        }
        event = "";
        data = [];
        continue;
      }
      const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === "event") {
        event = value ?? "";
      } else if (field === "id") {
        id = value ?? "";
      } else if (field === "data") {
        data.push(value ?? "");
      }
    }
    return messages;
  };
}

/** Every message of a stream, until it ends. */
export async function* messages(stream: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  const take = reader();
  const decoder = new TextDecoder();
  const source = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await source.read();
      if (done) {
        return;
      }
      yield* take(decoder.decode(value, { stream: true }));
    }
  } finally {
    source.releaseLock();
  }
}
