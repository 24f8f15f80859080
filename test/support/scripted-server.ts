import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { IngestAnswer } from '../../src/api/schemas/events.js';

/** How a request is answered. */
export type Script = (lines: string[], response: ServerResponse) => void;

/** A request as it came. */
export interface ScriptedRequest {
  readonly lines: string[];
  readonly headers: IncomingHttpHeaders;
  readonly path?: string;
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
}

/** Takes every line. */
export const accept: Script = (lines, response) => {
  const results = lines.map((line, index) => ({ index, id: line, status: 'accepted' as const }));
  const answer: IngestAnswer = { accepted: lines.length, duplicate: 0, rejected: 0, results };
  response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
};

/** Refuses the request. */
export function problem(status: number, headers: Readonly<Record<string, string>> = {}): Script {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
    response.end(JSON.stringify({ status, detail: `problem ${status}` }));
  };
}

/** A server of NDJSON that answers as a test says. */
export class ScriptedServer {
  /** The answers, in order; the last one from then on. */
  script: Script[] = [accept];
  readonly requests: ScriptedRequest[] = [];
  url = '';
  private server?: Server;

  /** Listens, again on the same port where it has been away. */
  async listen(): Promise<void> {
    this.server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (text: string) => (body += text));
      request.once('end', () => {
        const lines = body.split('\n').filter(Boolean);
        this.requests.push({ lines, headers: request.headers, path: request.url, at: performance.now() });
        const answer = this.script.length > 1 ? this.script.shift() : this.script[0];
        answer!(lines, response);
      });
    });
    this.server.listen(this.url === '' ? 0 : Number(new URL(this.url).port), '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((closed) => this.server?.close(closed));
  }
}
