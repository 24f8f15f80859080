import { Pool, type Dispatcher } from 'undici';

/** An answer to a request; the body of a refusal is left aside. */
export interface Answer {
  readonly status: number;
  readonly accepted: number;
  readonly retryAfterSeconds: number;
  /** The body, only where it was asked for. */
  readonly body: string;
}

/** Longer than anything the API holds a request for. */
const TIMEOUT_MS = 90_000;

/** The counts stand first in an answer; all of it is read only where they do not. */
const COUNTS_WITHIN = 128;

/** Connections to the API, kept alive. */
export class Http {
  private readonly pool: Pool;

  /** @param keepAlive whether a connection is used again; otherwise each request has one of its own */
  constructor(url: string, connections: number, keepAlive = true) {
    this.pool = new Pool(url, {
      connections,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      ...(!keepAlive && { pipelining: 0 }),
    });
  }

  /**
   * Posts events.
   * @throws Error when no answer came
   */
  post(token: string, body: Buffer): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return this.send({ path: '/v1/events', method: 'POST', headers, body }, false);
  }

  /**
   * Reads a subject's decisions.
   * @throws Error when no answer came
   */
  eligibility(token: string, subject: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}` };
    return this.send({ path: `/v1/eligibility/${subject}`, method: 'GET', headers }, true);
  }

  /**
   * Asks whether the process answers.
   * @throws Error when no answer came
   */
  health(): Promise<Answer> {
    return this.send({ path: '/healthz', method: 'GET' }, false);
  }

  /** Closes the connections. */
  close(): Promise<void> {
    return this.pool.destroy();
  }

  private send(request: Dispatcher.DispatchOptions, whole: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let status = 0;
      let retryAfterSeconds = 0;
      const chunks: Buffer[] = [];
      this.pool.dispatch(request, {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, statusCode, headers) => {
          status = statusCode;
          retryAfterSeconds = Number(headers['retry-after'] ?? 0);
        },
        onResponseData: (_controller, chunk) => void chunks.push(chunk),
        onResponseEnd: () => {
          const accepted = status === 202 ? acceptedIn(chunks) : 0;
          const body = whole ? Buffer.concat(chunks).toString('utf8') : '';
          resolve({ status, accepted, retryAfterSeconds, body });
        },
        onResponseError: (_controller, error) => reject(error),
      });
    });
  }
}

function acceptedIn(chunks: readonly Buffer[]): number {
  const start = chunks[0]?.toString('latin1', 0, COUNTS_WITHIN) ?? '';
  const found = /"accepted":(\d+)/.exec(start)?.[1];
  if (found !== undefined) return Number(found);
  return (JSON.parse(Buffer.concat(chunks).toString('utf8')) as { accepted: number }).accepted;
}
