/** Files over plain HTTP: what exports made, and what is put into a tenant's directory. */

import { NetworkError, TrestleError } from "./errors.js";
import type { ExportFragment } from "./generated/graphql.js";
import type { OperationOptions } from "./installation.js";
import { SILENCE_MS, watched } from "./silence.js";
import { failure, type Transport } from "./transport.js";

/** Downloads of one export that broke off, in a row, before that is thrown. */
const BROKEN_DOWNLOADS = 5;

/** What can be sent as a file. A stream can be read once, so it is not sent again when the connection breaks. */
export type FileContent = string | Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer> | ReadableStream<Uint8Array>;

/** How to put a file. */
export interface UploadOptions extends Pick<OperationOptions, "signal" | "timeout"> {
  /** Refuse it (`OCCUPIED`) where there is a file already, in place of replacing that. */
  readonly onlyNew?: boolean;
}

/** A file that was put where integrations read it. */
export interface UploadedFile {
  /** Where it is, in one spelling. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Ids of the integrations that read it, as far as the caller may know of them. */
  readonly integrations: readonly string[];
}

/** An export that came to nothing. Its `code` says why: `TOO_LARGE`. */
export class ExportFailed extends TrestleError {
  override readonly name = "ExportFailed";
  readonly export: ExportFragment;

  constructor(failed: ExportFragment) {
    super(failed.failureMessage ?? `The export has no file: it is ${failed.status}.`, {
      code: failed.failureCode ?? failed.status,
    });
    this.export = failed;
  }
}

/** The bytes of an export. */
export async function download(
  transport: Transport,
  { url }: Pick<ExportFragment, "url">,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  if (url === null) throw new TrestleError("The export has no file for this caller.", { code: "NO_FILE" });
  const asked = { method: "GET", isRepeatable: true, isAnonymous: true, signal };
  return transport.send(url, asked, async (response) => {
    if (!response.ok || !response.body) throw await failure(response);
    return watched(response.body, SILENCE_MS);
  });
}

/** The objects of an export, a line each; a download that breaks off is taken up where it was. */
export async function* rows(
  transport: Transport,
  of: Pick<ExportFragment, "url" | "rowCount">,
  signal?: AbortSignal,
): AsyncGenerator<unknown, void, undefined> {
  let taken = 0;
  for (let broken = 0; ;) {
    let seen = 0;
    try {
      for await (const line of lines(await download(transport, of, signal))) {
        seen += 1;
        if (seen <= taken) continue;
        taken = seen;
        broken = 0;
        yield JSON.parse(line);
      }
      if (taken === of.rowCount) return;
      throw new NetworkError(`The file ended after ${String(taken)} of ${String(of.rowCount)} lines.`, {});
    } catch (error) {
      broken += 1;
      if (!(error instanceof NetworkError) || broken >= BROKEN_DOWNLOADS || signal?.aborted) throw error;
    }
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const [first = "", ...others] = decoder.decode(chunk.value, { stream: true }).split("\n");
      rest += first;
      for (const next of others) {
        yield rest;
        rest = next;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Puts a file into the directory or bucket of a system. It is there once it is whole, and then all of it. */
export async function upload(
  transport: Transport,
  systemId: string,
  path: string,
  content: FileContent,
  { signal, timeout = 0, onlyNew = false }: UploadOptions,
): Promise<UploadedFile> {
  const place = [systemId, ...path.split("/")].map(encodeURIComponent).join("/");
  return transport.send(
    `files/${place}`,
    {
      method: "PUT",
      headers: { "content-type": "application/octet-stream", ...(onlyNew ? { "if-none-match": "*" } : {}) },
      body: content,
      // The same bytes at the same place: what is there afterwards is the same, too.
      isRepeatable: !onlyNew && !(content instanceof ReadableStream),
      timeout,
      signal,
    },
    async (response) => {
      if (!response.ok) throw await failure(response);
      return (await response.json()) as UploadedFile;
    },
  );
}
