import type { Client } from '../src/gen/client/index.js';
import { getJob, type Job, streamJobEvents } from '../src/gen/index.js';
import { MugshotError } from './error.js';
import { pause } from './pause.js';

export interface FollowJobOptions {
  jobId: string;
  client?: Client;
  /** Ends the following with the signal's reason; `AbortSignal.timeout(ms)` bounds it. Without one it has no bound. */
  signal?: AbortSignal;
  /** Milliseconds before the first reconnection; doubles with each failure, up to 15 times as long. Default 1000. */
  retryDelay?: number;
  /** Milliseconds without a change after which a connection is taken for dead and the job is read. Default 30000. */
  quietTimeout?: number;
}

/** Whether a job has ended, well or badly. */
export const isFinished = (job: Job): boolean => job.finished_at !== null;

/**
 * Yields the job as it is, then each change of it, and ends with its last. Survives lost connections and a server that
 * restarts. Between two connections the job is read once, so that where streams can't get through, this is polling.
 * Rejects with a MugshotError when the job can't be read: it is not there, or nobody is signed in.
 */
export async function* followJob(options: FollowJobOptions): AsyncGenerator<Job, void, undefined> {
  const { retryDelay = 1_000, signal } = options;
  let seen = 0;
  for (let failures = 0; ; failures++) {
    for await (const job of changes(options, seen)) {
      if (job.version <= seen) continue;
      seen = job.version;
      failures = 0;
      yield job;
      if (isFinished(job)) return;
    }
    const job = await read(options);
    if (job && job.version > seen) {
      seen = job.version;
      yield job;
    }
    if (job && isFinished(job)) return;
    await pause(retryDelay * Math.min(2 ** failures, 15) * (0.5 + Math.random() / 2), signal);
  }
}

/** Waits until the job has ended, well or badly: look at its `status`. Options and failures as in `followJob`. */
export async function waitForJob(options: FollowJobOptions): Promise<Job> {
  for await (const job of followJob(options)) {
    if (isFinished(job)) return job;
  }
  throw new Error('unreachable: followJob ends with a finished job');
}

/** One connection: ends when it breaks, falls quiet, or could not be made. */
async function* changes(options: FollowJobOptions, seen: number): AsyncGenerator<Job, void, undefined> {
  const { client, jobId, signal, quietTimeout = 30_000 } = options;
  signal?.throwIfAborted();
  const connection = new AbortController();
  const close = () => connection.abort();
  signal?.addEventListener('abort', close);
  let quiet = setTimeout(close, quietTimeout);
  try {
    const { stream } = await streamJobEvents({
      ...(client && { client }),
      path: { job_id: jobId },
      headers: seen ? { 'Last-Event-ID': String(seen) } : {},
      signal: connection.signal,
      sseMaxRetryAttempts: 1,
    });
    for await (const job of stream) {
      clearTimeout(quiet);
      if (job) yield job; // an answer without a body has no events
      quiet = setTimeout(close, quietTimeout);
    }
  } catch (error) {
    if (!isPassing(error)) throw error;
  } finally {
    clearTimeout(quiet);
    signal?.removeEventListener('abort', close);
    close(); // the generated stream leaves its connection open when its reader stops early
  }
}

/** Null when the server can't answer now. */
async function read({ client, jobId, signal }: FollowJobOptions): Promise<Job | null> {
  try {
    const { data } = await getJob({
      ...(client && { client }),
      path: { job_id: jobId },
      ...(signal && { signal }),
      throwOnError: true,
    });
    return data;
  } catch (error) {
    if (isPassing(error)) return null;
    throw error;
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof MugshotError && (error.code === 'unavailable' || error.code === 'rate_limited');
