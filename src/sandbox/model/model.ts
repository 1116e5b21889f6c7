/** Faults that the control endpoint can arm; each field is read when a request arrives. */
export interface ModelFaults {
  /** Answer the next completion with this status, once. */
  nextStatus?: 401 | 403 | 404 | 429;
  /** Seconds of `Retry-After` on a 429. */
  retryAfter?: number;
  /** Milliseconds between streamed chunks. */
  chunkDelay?: number;
  /** Cut the JSON of the next tool call's arguments, once. */
  badArguments?: boolean;
}

export interface ModelOptions {
  clock?: { now(): number };
  /** Names that the Azure paths accept; others are 404 DeploymentNotFound. */
  deployments?: string[];
  faults?: ModelFaults;
}

export interface RunningModel {
  origin: string;
  /** Ends in `/v1`. */
  baseUrl: string;
  /** The first deployment. */
  deployment: string;
  /** The live object: assign to its fields to arm a fault. */
  faults: ModelFaults;
  close(): Promise<void>;
}

/** Starts the OpenAI-compatible demo model on loopback. */
export async function startModel(_options: ModelOptions = {}): Promise<RunningModel> {
  throw new Error('not yet');
}
