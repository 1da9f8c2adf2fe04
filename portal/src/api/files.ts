import type { Client } from "@urql/core";
import type { Session } from "./session";

interface Origin {
  url: string;
  session: Session;
}

const origins = new WeakMap<Client, Origin>();

/** Remembers where a client asks, and in whose name. */
export function remember(client: Client, origin: Origin): void {
  origins.set(client, origin);
}

export type UploadResult =
  | { kind: "done"; path: string; size: number; integrations: readonly string[] }
  | { kind: "refused"; status: number; reason: string | null }
  | { kind: "unreachable" };

interface Upload {
  systemId: string;
  /** In the system's directory; `/` stands between its parts. */
  path: string;
  file: File;
  /** Told how much is there, from 0 to 1. */
  onProgress: (share: number) => void;
  signal?: AbortSignal;
}

/** Puts a file where a system reads, in the name of whoever the client asks for. `fetch` does not tell how far it is. */
export async function uploadFile(client: Client, { systemId, path, file, onProgress, signal }: Upload): Promise<UploadResult> {
  const origin = origins.get(client);
  if (!origin) throw new Error("this client can't upload");
  if (origin.session.isStale()) await origin.session.renew();
  const token = origin.session.token();
  const target = new URL(`files/${[systemId, ...path.split("/")].map(encodeURIComponent).join("/")}`, new URL(origin.url, location.href));
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("PUT", target);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => resolve(resultOf(request.status, request.responseText));
    request.onerror = () => resolve({ kind: "unreachable" });
    request.onabort = () => resolve({ kind: "unreachable" });
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** What the server answered: where the file is and who reads it, or why it was not taken. */
export function resultOf(status: number, text: string): UploadResult {
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A proxy in between answers with a page.
  }
  // 200: it has replaced what was there.
  if ((status === 200 || status === 201) && typeof body.path === "string") {
    const { path, size, integrations } = body as { path: string; size: number; integrations?: string[] };
    return { kind: "done", path, size, integrations: integrations ?? [] };
  }
  const reason = (body.error as { message?: unknown } | undefined)?.message;
  return { kind: "refused", status, reason: typeof reason === "string" ? reason : null };
}
