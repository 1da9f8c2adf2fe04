import { useState } from "react";
import { useClient } from "urql";
import { problemOf, uniqueKey, uploadFile, type UploadResult } from "@/api";
import { START_RUN } from "../actions/operate";

export interface Uploaded {
  path: string;
  size: number;
  /** From 0 to 1. */
  share: number;
  /** `stray`: it is there, and this integration does not read it. */
  state: "waiting" | "sending" | "done" | "stray" | "failed";
}

interface Refusal {
  kind: "forbidden" | "tooLarge" | "unreachable" | "refused";
  /** Of the server, where it says so. */
  reason: string | null;
}

type Wanted = readonly { file: File; path: string }[];

/** Puts files one after the other, and then starts a run of the integration. */
export function useUpload({ systemId, integrationId }: { systemId: string; integrationId: string }) {
  const client = useClient();
  const [files, setFiles] = useState<readonly Uploaded[]>([]);
  const [wanted, setWanted] = useState<Wanted>([]);
  const [phase, setPhase] = useState<"idle" | "sending" | "starting">("idle");
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [runId, setRunId] = useState<string | null>(null);

  const change = (path: string, changes: Partial<Uploaded>) =>
    setFiles((now) => now.map((each) => (each.path === path ? { ...each, ...changes } : each)));

  const start = async (asked: Wanted) => {
    if (asked.length === 0) return;
    setWanted(asked);
    setFiles(asked.map(({ file, path }) => ({ path, size: file.size, share: 0, state: "waiting" })));
    setRefusal(null);
    setProblem(null);
    setRunId(null);
    setPhase("sending");
    let isAnyRead = false;
    for (const { file, path } of asked) {
      change(path, { state: "sending" });
      const result = await uploadFile(client, { systemId, path, file, onProgress: (share) => change(path, { share }) });
      if (result.kind !== "done") {
        change(path, { state: "failed" });
        setRefusal(refusalOf(result));
        setPhase("idle");
        return;
      }
      const isRead = result.integrations.includes(integrationId);
      isAnyRead ||= isRead;
      change(path, { state: isRead ? "done" : "stray", share: 1 });
    }
    if (!isAnyRead) {
      setPhase("idle");
      return;
    }
    setPhase("starting");
    const input = { integrationId, idempotencyKey: uniqueKey() };
    const { data, error } = await client.mutation(START_RUN, { input }).toPromise();
    setPhase("idle");
    const wrong = data?.startRun.userErrors.map(({ message }) => message).join("\n");
    if (error) setProblem(problemOf(error).detail);
    else if (wrong) setProblem(wrong);
    else setRunId(data?.startRun.run?.id ?? null);
  };

  return {
    files,
    refusal,
    problem,
    runId,
    isBusy: phase !== "idle",
    isStarting: phase === "starting",
    start,
    again: () => start(wanted),
  };
}

function refusalOf(result: Exclude<UploadResult, { kind: "done" }>): Refusal {
  if (result.kind === "unreachable") return { kind: "unreachable", reason: null };
  const kind = result.status === 403 || result.status === 401 ? "forbidden" : result.status === 413 ? "tooLarge" : "refused";
  return { kind, reason: result.reason };
}
