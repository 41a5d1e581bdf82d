// @vitest-environment node

import { expect, test } from "vitest";

import { isSigned, readCheckpoint, readVerifier } from "./note.ts";

/** The note that the documentation of Go's golang.org/x/mod/sumdb/note publishes. */
const KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

test("a note of another implementation is known to be signed", async () => {
  expect(await isSigned(NOTE, KEY)).toBe("good");
});

test("a note that was changed, is signed by another, or is cut short is not", async () => {
  expect(await isSigned(NOTE.replace("answer", "question"), KEY)).toBe("bad");
  expect(await isSigned(NOTE.replace("— PeterNeumann", "— PeterNewmann"), KEY)).toBe("bad");
  expect(await isSigned(NOTE.replace("x08go/Z", "x08go/Y"), KEY)).toBe("bad");
  expect(await isSigned(NOTE.trimEnd(), KEY)).toBe("bad");
  expect(await isSigned(NOTE, KEY.replace("c74f20a3", "c74f20a4"))).toBe("bad");
  expect(await isSigned(NOTE, "nonsense")).toBe("bad");
});

test("a key is one of Ed25519 whose hash fits its name", async () => {
  expect((await readVerifier(KEY))?.name).toBe("PeterNeumann");
  expect(await readVerifier(KEY.replace("PeterNeumann", "Somebody"))).toBeUndefined();
  expect(await readVerifier(KEY.replace("+ARpc", "+Ahpc"))).toBeUndefined();
});

const ROOT = "V2hhdCBpcyBoZXJlIGlzIHdoYXQgaGFwcGVuZWQuLi4=";

test("a checkpoint says which log, how large, and its root", () => {
  const read = readCheckpoint(`vpn.example.com/log\n1842\n${ROOT}\n\n— vpn.example.com/log c2ln\n`);
  expect(read?.origin).toBe("vpn.example.com/log");
  expect(read?.size).toBe(1842);
  expect(new TextDecoder().decode(read?.root)).toBe("What is here is what happened...");
});

test("what is no checkpoint is none", () => {
  for (const text of ["", NOTE, `log\n01\n${ROOT}\n\n`, `log\n1\nc2hvcnQ=\n\n`, `log\n1\n***\n\n`, `log\n1\n${ROOT}\n`]) {
    expect(readCheckpoint(text)).toBeUndefined();
  }
});
