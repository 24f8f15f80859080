import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server got it. */
export interface Asked {
  readonly method: string;
  /** What follows `/projects/<project>/`, without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The JSON of its body; of an upload the part that describes the job. */
  readonly body: Resource;
  /** Lines of the file in an upload. */
  readonly lines: readonly string[];
  /** `Content-Range` of a piece of an upload, or of a question how much of it is there. */
  readonly range?: string;
  /** The bytes of a piece. */
  readonly piece: Buffer;
  /** Size of the file that an upload in pieces is going to have. */
  readonly announced?: number;
}

/** An upload in pieces that has begun. */
export interface UploadSession {
  readonly job: Resource;
  readonly announced: number;
  bytes: Buffer;
}

/** Status, body and headers. */
type Answer = [status: number, body: Resource, headers?: Record<string, string>];

/** What Google answers to a piece that is not the last. */
const INCOMPLETE = 308;

/** A resource, as far as tests look at it. */
export type Resource = Record<string, unknown>;

/** What to answer instead; `lost` breaks the connection off. */
export type Instead =
  { readonly status: number; readonly reason: string; readonly message?: string } | 'lost';

/**
 * A server that answers as BigQuery does where the emulator does not: jobs of one id are run once, and what is asked for
 * can be refused, fail, or get lost on the way back. It loads nothing.
 */
export class BigQueryServer {
  readonly asked: Asked[] = [];
  readonly resources = new Map<string, Resource>();
  readonly jobs = new Map<string, Resource>();
  readonly uploads: UploadSession[] = [];
  /** How many bytes of a piece are kept. */
  kept: (piece: Buffer) => number = ({ length }) => length;
  /** What to answer to a request instead of doing it. */
  refuse: (asked: Asked) => Instead | undefined = () => undefined;
  /** What to answer to a request once it has been done. */
  afterwards: (asked: Asked) => Instead | undefined = () => undefined;
  /** The status and statistics of a job that has just been inserted. */
  outcome: (jobId: string) => Resource = () => ({ status: { state: 'DONE' } });
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** The ids of the jobs that were to be inserted, in order. */
  submitted(): string[] {
    return this.asked.filter(isInsert).map(({ body }) => idOf(body));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await read(request);
    this.asked.push(asked);
    const refused = this.refuse(asked);
    if (refused !== undefined) return answerInstead(response, refused);
    const [status, body, headers = {}] = isUploadInPieces(asked) ? this.upload(asked) : this.answer(asked);
    const instead = this.afterwards(asked);
    if (instead !== undefined) return answerInstead(response, instead);
    const text = status === INCOMPLETE ? '' : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  }

  /** @see https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable */
  private upload({ method, query, body, announced, range = '', piece, path }: Asked): Answer {
    if (method === 'POST') {
      const id = this.uploads.push({ job: body, announced: announced ?? NaN, bytes: Buffer.alloc(0) }) - 1;
      const { port } = this.server.address() as AddressInfo;
      const at = `http://127.0.0.1:${port}/upload/bigquery/v2/projects/p/${path}`;
      return [200, {}, { location: `${at}?uploadType=resumable&upload_id=${id}` }];
    }
    const session = this.uploads[Number(query.get('upload_id'))];
    if (session === undefined) return error(404, 'notFound', 'no such upload');
    const [, first = '', last = '', size = ''] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(range) ?? [];
    if (first !== '') {
      const whole = Number(last) - Number(first) + 1 === piece.length;
      const sized = Number(last) + 1 === Number(size) || piece.length % (256 * 1024) === 0;
      if (!whole || !sized || Number(first) !== session.bytes.length)
        return error(400, 'badRequest', `Invalid range ${range}`);
      session.bytes = Buffer.concat([session.bytes, piece.subarray(0, this.kept(piece))]);
    }
    const { length } = session.bytes;
    if (length < Number(size)) return [INCOMPLETE, {}, length > 0 ? { range: `bytes=0-${length - 1}` } : {}];
    const jobId = idOf(session.job);
    this.jobs.set(jobId, this.jobs.get(jobId) ?? { ...session.job, ...this.outcome(jobId) });
    return [200, this.jobs.get(jobId) as Resource];
  }

  private answer(asked: Asked): Answer {
    const { method, path, body } = asked;
    if (isInsert(asked)) {
      const jobId = idOf(body);
      if (this.jobs.has(jobId)) return error(409, 'duplicate', `Already Exists: Job ${jobId}`);
      this.jobs.set(jobId, { ...body, ...this.outcome(jobId) });
      return [200, this.jobs.get(jobId) as Resource];
    }
    const [kind, jobId = ''] = path.split('/');
    const found = kind === 'jobs' ? this.jobs.get(jobId) : this.resources.get(path);
    if (method === 'POST') {
      const reference = (body.tableReference ?? body.datasetReference) as Record<string, string>;
      const at = `${path}/${reference.tableId ?? reference.datasetId}`;
      this.resources.set(at, body);
      return [200, body];
    }
    if (found === undefined) return error(404, 'notFound', `Not found: ${path}`);
    if (method === 'PATCH') Object.assign(found, body);
    return [200, found];
  }
}

/** True for a request that submits a job. */
export function isInsert({ method, path }: Asked): boolean {
  return method === 'POST' && path === 'jobs';
}

/** True for a request of an upload in pieces, the one that begins it as well. */
export function isUploadInPieces({ query }: Asked): boolean {
  return query.get('uploadType') === 'resumable';
}

function idOf(job: Resource): string {
  return (job.jobReference as { jobId: string }).jobId;
}

async function read(request: IncomingMessage): Promise<Asked> {
  const url = new URL(request.url ?? '', 'http://localhost');
  const [, path = ''] = /\/projects\/[^/]+\/(.*)$/.exec(url.pathname) ?? [];
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const piece = Buffer.concat(chunks);
  const { headers, method = '' } = request;
  const asked = { method, path, query: url.searchParams, piece };
  const range = headers['content-range'];
  if (range !== undefined) return { ...asked, range, body: {}, lines: [] };
  const text = piece.toString('utf8');
  const [, boundary] = /boundary="?([^";]+)/.exec(headers['content-type'] ?? '') ?? [];
  const [json = '{}', file = ''] = boundary === undefined ? [text || '{}'] : partsOf(text, boundary);
  const lines = file.split('\n').filter((line) => line !== '');
  const size = headers['x-upload-content-length'];
  const announced = size === undefined ? {} : { announced: Number(size) };
  return { ...asked, ...announced, body: JSON.parse(json) as Resource, lines };
}

function partsOf(text: string, boundary: string): string[] {
  const parts = text.split(`--${boundary}`).slice(1, -1);
  return parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4).trim());
}

function error(code: number, reason: string, message: string): Answer {
  return [code, { error: { code, message, errors: [{ reason, message, domain: 'global' }] } }];
}

function answerInstead(response: ServerResponse, instead: Instead): void {
  if (instead === 'lost') return void response.destroy();
  const [status, body] = error(instead.status, instead.reason, instead.message ?? 'as told');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
