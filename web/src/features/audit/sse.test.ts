import { expect, test } from "vitest";

import { messages, reader } from "./sse.ts";

test("messages come out whole, however they are cut", () => {
  const text = ': keep-alive\n\nid: 7\nevent: entry\ndata: {"a":1}\n\nid:8\ndata:one\ndata: two\n\n';
  const whole = [
    { event: "entry", id: "7", data: '{"a":1}' },
    { event: "message", id: "8", data: "one\ntwo" },
  ];
  expect(reader()(text)).toEqual(whole);
  const take = reader();
  expect([...text].flatMap((piece) => take(piece))).toEqual(whole);
});

test("lines may end as they like, and what is not complete is not given", () => {
  const take = reader();
  expect(take("id: 1\r\ndata: x\r\n\r\ndata: y\r\n")).toEqual([{ event: "message", id: "1", data: "x" }]);
  expect(take("\r\n")).toEqual([{ event: "message", id: "1", data: "y" }]);
});

test("a character that is cut in two is put together", async () => {
  const bytes = new TextEncoder().encode("data: Brückner\n\n");
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.slice(0, 9));
      controller.enqueue(bytes.slice(9));
      controller.close();
    },
  });
  const read = [];
  for await (const message of messages(stream)) {
    read.push(message.data);
  }
  expect(read).toEqual(["Brückner"]);
});
