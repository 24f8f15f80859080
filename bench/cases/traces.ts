import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { cpuFigure, rateFigures, round } from './figures.js';
import { measureInTurns, turnFigures } from './turns.js';

/** Saturation without traces, and with traces of one request in a hundred. */
export const traces: BenchCase = {
  name: 'traces',
  title: 'events/s end to end without traces, and with those of 1 % of the requests, in turns',
  seconds: 15,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const receiver = await startReceiver();
  const on = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  };
  try {
    const turns = await measureInTurns(context, { off: { env: {} }, on: { env: on } });
    const figures = turnFigures(turns, (measured) => [...rateFigures(measured), cpuFigure(measured)]);
    const sent = { name: 'spans sent', value: round(receiver.bytes() / 1e6), unit: 'MB' };
    return { figures: [...figures, sent], accounts: turns.accounts, details: turns.measured };
  } finally {
    receiver.stop();
  }
}

/** Takes spans and counts their bytes: what becomes of them is not Headgate's time. */
async function startReceiver(): Promise<{ url: string; bytes: () => number; stop: () => void }> {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    bytes: () => bytes,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
