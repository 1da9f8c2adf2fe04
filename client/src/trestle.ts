/** What portals and partners do most, as methods. Everything else is done by documents of one's own. */

import { NotFound, TrestleError } from "./errors.js";
import {
  download,
  ExportFailed,
  type FileContent,
  rows,
  upload,
  type UploadedFile,
  type UploadOptions,
} from "./file.js";
import {
  CancelRunDocument,
  CreateExportDocument,
  type CreateExportInput,
  CreatePortalSessionDocument,
  type CreatePortalSessionInput,
  EditAndRetryFailureDocument,
  type EditAndRetryFailureInput,
  ExportDocument,
  type ExportFragment as Export,
  FailureDocument,
  type FailureFragment as Failure,
  type FailureGroupFragment as FailureGroup,
  FailuresDocument,
  FailuresOfRunDocument,
  type FailuresOfRunQueryVariables,
  type FailuresQueryVariables,
  InboxCountsDocument,
  type InboxCountsQuery,
  InboxDocument,
  type InboxFilter,
  RetryChangedDocument,
  RetryDocument,
  RetryFailuresDocument,
  type RetryFailuresInput,
  type RetryFragment as Retry,
  RunChangedDocument,
  RunDocument,
  type RunFragment as Run,
  RunsDocument,
  type RunsQueryVariables,
  SkipFailuresDocument,
  type SkipFailuresInput,
  StartRunDocument,
  type StartRunInput,
} from "./generated/graphql.js";
import { given, Installation, type OperationOptions } from "./installation.js";
import { pause } from "./retry.js";

/** How often the end of an export is asked for, in milliseconds: first, and at the longest. */
const EXPORT_POLL_MS = { first: 250, longest: 5_000 };

/** How to wait for something that takes time. */
export interface WaitOptions<T> {
  /** Ends the waiting, and nothing else. */
  readonly signal?: AbortSignal;
  /** Is called with what it is now, and after each change. */
  readonly onProgress?: (now: T) => void;
}

/** An end user's access to one tenant. */
export interface PortalSession {
  /** For the end user's browser: `new Trestle({ url, token })`. It can't be read again. */
  readonly token: string;
  readonly expiresAt: string;
  /** For `endPortalSession`. */
  readonly id: string;
  readonly endUser: string;
  readonly scopes: readonly string[];
}

/** Trestle, as one caller. */
export class Trestle extends Installation {
  /** A run; null when there is none that the caller may see. */
  async run(id: string, options?: OperationOptions): Promise<Run | null> {
    return (await this.query(RunDocument, { id }, options)).run;
  }

  /** Runs, the newest first. */
  runs(variables: RunsQueryVariables = {}, options?: OperationOptions): AsyncGenerator<Run, void, undefined> {
    return this.nodes(RunsDocument, variables, "runs", options);
  }

  /** Starts a run of an integration: one, however often it is sent. */
  async startRun(
    integrationId: string,
    { idempotencyKey, ...options }: OperationOptions & Pick<StartRunInput, "idempotencyKey"> = {},
  ): Promise<Run> {
    return (await this.mutate(StartRunDocument, { input: { integrationId, idempotencyKey } }, options)).startRun.run;
  }

  /** Cancels a run: at once when it waits, within seconds when a worker has it. */
  async cancelRun(runId: string, options?: OperationOptions): Promise<Run> {
    return (await this.mutate(CancelRunDocument, { input: { runId } }, options)).cancelRun.run;
  }

  /** A run as it is now, and after each change, until it has ended. */
  async *watchRun(runId: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<Run, void, undefined> {
    // What it is comes first on each connection, so that nothing can be missing.
    const live = { ...options, onGap: () => undefined };
    for await (const { runChanged } of this.subscribe(RunChangedDocument, { runId }, live)) {
      yield runChanged;
      if (hasEnded(runChanged)) return;
    }
  }

  /** Waits until a run has ended, however it ended. */
  async waitForRun(runId: string, options: WaitOptions<Run> = {}): Promise<Run> {
    return ended(this.watchRun(runId, options), hasEnded, options);
  }

  /** A failure; null when there is none that the caller may see. */
  async failure(id: string, options?: OperationOptions): Promise<Failure | null> {
    return (await this.query(FailureDocument, { id }, options)).failure;
  }

  /** Failures, the newest first. */
  failures(
    variables: FailuresQueryVariables = {},
    options?: OperationOptions,
  ): AsyncGenerator<Failure, void, undefined> {
    return this.nodes(FailuresDocument, variables, "failures", options);
  }

  /** What failed first in a run, whatever became of it since. Throws `NotFound`. */
  failuresOfRun(
    runId: string,
    variables: Omit<FailuresOfRunQueryVariables, "runId"> = {},
    options?: OperationOptions,
  ): AsyncGenerator<Failure, void, undefined> {
    return this.nodes(FailuresOfRunDocument, { ...variables, runId }, "run.failures", options);
  }

  /** Retries failures by their ids, or all open ones of a tenant that match a filter. */
  async retryFailures(input: RetryFailuresInput, options?: OperationOptions): Promise<Retry> {
    return (await this.mutate(RetryFailuresDocument, { input }, options)).retryFailures.retry;
  }

  /** Corrects the record of a failure and retries it; what would fail again is refused by `UserErrors`. */
  async editAndRetryFailure(input: EditAndRetryFailureInput, options?: OperationOptions): Promise<Retry> {
    return (await this.mutate(EditAndRetryFailureDocument, { input }, options)).editAndRetryFailure.retry;
  }

  /** Leaves records out, and says how many. */
  async skipFailures(input: SkipFailuresInput, options?: OperationOptions): Promise<number> {
    return (await this.mutate(SkipFailuresDocument, { input }, options)).skipFailures.skipped ?? 0;
  }

  /** A retry; null when there is none that the caller may see. */
  async retry(id: string, options?: OperationOptions): Promise<Retry | null> {
    return (await this.query(RetryDocument, { id }, options)).retry;
  }

  /** A retry as it is now, and after each change, until it has ended. */
  async *watchRetry(retryId: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<Retry, void, undefined> {
    for await (const { retryChanged } of this.subscribe(RetryChangedDocument, { retryId }, options)) {
      yield retryChanged;
      if (hasEnded(retryChanged)) return;
    }
  }

  /** Waits until every failure of a retry was tried, or it was canceled. */
  async waitForRetry(retryId: string, options: WaitOptions<Retry> = {}): Promise<Retry> {
    return ended(this.watchRetry(retryId, options), hasEnded, options);
  }

  /** Causes of failures on which the caller's side acts next, the most urgent first. */
  inbox(filter?: InboxFilter, options?: OperationOptions): AsyncGenerator<FailureGroup, void, undefined> {
    return this.nodes(InboxDocument, { filter }, "inbox", options);
  }

  /** How many of these there are, by impact. */
  async inboxCounts(filter?: InboxFilter, options?: OperationOptions): Promise<InboxCountsQuery["inboxCounts"]> {
    return (await this.query(InboxCountsDocument, { filter }, options)).inboxCounts;
  }

  /** Asks for a file of all that a query finds; see `waitForExport`, `downloadExport` and `exportRows`. */
  async createExport(input: CreateExportInput, options?: OperationOptions): Promise<Export> {
    return (await this.mutate(CreateExportDocument, { input }, options)).createExport.export;
  }

  /** Waits until an export's file is complete. Throws `ExportFailed` when there will be none. */
  async waitForExport(id: string, { signal, onProgress }: WaitOptions<Export> = {}): Promise<Export> {
    for (let wait = EXPORT_POLL_MS.first; ; wait = Math.min(wait * 1.5, EXPORT_POLL_MS.longest)) {
      const now = (await this.query(ExportDocument, { id }, { signal })).export;
      if (now === null) throw new NotFound(`There is no export ${id}.`, { code: "NOT_FOUND" });
      onProgress?.(now);
      if (now.status === "SUCCEEDED") return now;
      if (hasEnded(now)) throw new ExportFailed(now);
      await pause(wait, signal);
    }
  }

  /** The file of an export as bytes: JSON Lines. */
  async downloadExport(
    of: Pick<Export, "url">,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return download(this.transport, of, signal);
  }

  /** Exports what a query finds, waits, and gives its objects one by one: all of them, or an error. */
  async *exportRows<T = unknown>(
    input: CreateExportInput,
    options: WaitOptions<Export> = {},
  ): AsyncGenerator<T, void, undefined> {
    const { signal } = options;
    const { id } = await this.createExport(input, { signal });
    yield* rows(this.transport, await this.waitForExport(id, options), signal) as AsyncGenerator<T, void, undefined>;
  }

  /** Puts a file where integrations read it, into the directory or bucket of a `file` system, and says which do. */
  async uploadFile(
    systemId: string,
    path: string,
    content: FileContent,
    options: UploadOptions = {},
  ): Promise<UploadedFile> {
    return upload(this.transport, systemId, path, content, options);
  }

  /** Gives an end user of a portal access to one tenant. For servers: it takes a key that must not reach a browser. */
  async createPortalSession(input: CreatePortalSessionInput, options?: OperationOptions): Promise<PortalSession> {
    const { token, expiresAt, portalSession } = (await this.mutate(CreatePortalSessionDocument, { input }, options))
      .createPortalSession;
    return { ...portalSession, token: given(token, "token"), expiresAt: given(expiresAt, "end of the token") };
  }
}

/** Whether a run, retry or export will not change by itself any more. */
export function hasEnded({ status }: { readonly status: Run["status"] | Retry["status"] | Export["status"] }): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

async function ended<T>(
  states: AsyncIterable<T>,
  isOver: (state: T) => boolean,
  { onProgress }: WaitOptions<T>,
): Promise<T> {
  for await (const state of states) {
    onProgress?.(state);
    if (isOver(state)) return state;
  }
  throw new TrestleError("The server stopped telling what becomes of it.", { code: "UNEXPECTED" });
}
