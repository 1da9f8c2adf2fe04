/** Streams whose other end may be gone without a word: who waits for it does not wait for ever. */

import { NetworkError } from "./errors.js";
import { pause } from "./retry.js";
import { networkError } from "./transport.js";

/** The server says something each 20 s, be it nothing: who hears nothing for so long is cut off. */
export const SILENCE_MS = 60_000;

/** Calls `cut` when `waiting` takes longer than that, and waits for it. */
export async function within<T>(
  milliseconds: number,
  waiting: Promise<T>,
  cut: (reason: NetworkError) => void,
): Promise<T> {
  const timer = setTimeout(() => {
    cut(new NetworkError(`Nothing came for ${String(milliseconds)} ms.`, {}));
  }, milliseconds);
  try {
    return await waiting;
  } finally {
    clearTimeout(timer);
  }
}

/** The same bytes, and an error when they stop coming. That a reader takes its time is no silence. */
export function watched(body: ReadableStream<Uint8Array>, silence: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      let cut: NetworkError | undefined;
      try {
        const { done, value } = await within(silence, reader.read(), (reason) => {
          cut = reason;
          reader.cancel(reason).catch(() => undefined);
        });
        // What is cut off ends as if it were whole.
        if (cut) throw cut;
        if (!done) {
          controller.enqueue(value);
          return;
        }
        // graphql-sse learns of an end only while it waits for an event: it takes the ones before first.
        await pause(0);
        controller.close();
      } catch (error) {
        controller.error(cut ?? networkError(error));
      }
    },
    async cancel(reason) {
      await reader.cancel(reason);
    },
  });
}
