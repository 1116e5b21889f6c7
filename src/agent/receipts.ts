import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';

/** What is kept of one tool call. Never a token: the fingerprint is the start of its SHA-256. Times are ISO 8601, UTC. */
export interface Receipt {
  version: 1;
  time: string;
  callId: string;
  user?: { oid: string; username: string };
  agent?: string;
  blueprint?: string;
  audience?: string;
  tokenFingerprint?: string;
  tokenExpiresAt?: string;
  /** Absent when the model named a tool that nobody offers. */
  server?: { id: string; label: string; url: string };
  /** As the server lists it; else as the model wrote it, cut at 200 characters. */
  tool: string;
  approval: 'once' | 'session' | 'earlier' | 'rejected' | 'none';
  decision: 'ok' | 'toolError' | 'denied' | 'rejected' | 'cancelled' | 'failed';
  errorCode?: string;
  latencyMs: number;
  traceparent: string;
}

/** Appends receipts to a JSON Lines file, one after the other, readable by its owner only. */
export class ReceiptLog {
  readonly file: string;
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.file = path.join(directory, 'receipts.jsonl');
  }

  /** Resolves when the line is on its way to the disk; a failure rejects, and does not stop later receipts. */
  append(receipt: Receipt): Promise<void> {
    const write = async () => {
      await mkdir(path.dirname(this.file), { recursive: true, mode: 0o700 });
      await appendFile(this.file, `${JSON.stringify(receipt)}\n`, { mode: 0o600 });
    };
    const written = this.#last.then(write);
    this.#last = written.catch(() => {});
    return written;
  }
}
