/** When another try is safe, and how long to wait for it. */

import { NetworkError, RateLimited, type TrestleError, Unavailable } from "./errors.js";

/** How patient the client is. */
export interface RetryOptions {
  /** How often a request is sent at most: 5. */
  readonly attempts?: number;
  /** Longest wait before the second attempt, in milliseconds: 250. It doubles each time. */
  readonly baseMs?: number;
  /**
   * Longest wait before any attempt, in milliseconds: 60,000, after which a budget is full again. When the server asks for
   * more, its answer is thrown.
   */
  readonly maximumMs?: number;
}

/** The same with its defaults. */
export class RetryPolicy {
  readonly attempts: number;
  private readonly baseMs: number;
  private readonly maximumMs: number;

  constructor(options: RetryOptions | false | undefined) {
    const { attempts = 5, baseMs = 250, maximumMs = 60_000 } = options === false ? { attempts: 1 } : (options ?? {});
    this.attempts = attempts;
    this.baseMs = baseMs;
    this.maximumMs = maximumMs;
  }

  /**
   * Milliseconds to wait before a request that failed so `failures` times is sent again; undefined: it is not. What may
   * have been done is sent again only if it is repeatable.
   */
  waitAfter(error: unknown, failures: number, isRepeatable: boolean): number | undefined {
    if (failures >= this.attempts || !(isPassing(error) && (isRepeatable || wasNotDone(error)))) return undefined;
    const asked = retryAfterOf(error);
    return asked !== undefined && asked * 1_000 > this.maximumMs ? undefined : this.wait(failures, asked);
  }

  /** By chance from 0 up to a bound that doubles (full jitter), behind what the server asks for. */
  wait(failures: number, askedSeconds = 0): number {
    const bound = Math.min(this.maximumMs, this.baseMs * 2 ** Math.min(failures - 1, 30));
    return askedSeconds * 1_000 + Math.random() * bound;
  }
}

/** Whether it may be over in a moment. */
export function isPassing(error: unknown): error is TrestleError {
  return error instanceof NetworkError || error instanceof RateLimited || error instanceof Unavailable;
}

/** Seconds until another try is worth it, if the server said so. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof RateLimited || error instanceof Unavailable ? error.retryAfter : undefined;
}

function wasNotDone(error: TrestleError): boolean {
  return error instanceof RateLimited || (error instanceof NetworkError && error.neverSent);
}

/** Waits; rejects with the signal's reason when it is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
