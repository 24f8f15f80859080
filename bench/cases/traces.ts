import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Account, BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { measureSaturation } from './end-to-end.js';
import { cpuFigure, rateFigures, round } from './figures.js';
import type { Measured } from './session.js';
import { SUBJECTS, usualTenants } from './traffic.js';

type Name = 'off' | 'on';
/** In turns, so that a noisy spell of the machine meets both. */
const TURNS: readonly Name[] = ['off', 'on', 'on', 'off'];
const QUICK_TURNS: readonly Name[] = ['off', 'on'];

/** Saturation without traces, and with traces of one request in a hundred. */
export const traces: BenchCase = {
  name: 'traces',
  title: 'events/s end to end without traces, and with those of 1 % of the requests, in turns',
  seconds: 15,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const measured: Record<Name, Measured[]> = { off: [], on: [] };
  const accounts: Record<string, Account> = {};
  const receiver = await startReceiver();
  const traced = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  };
  try {
    for (const [turn, name] of (context.quick ? QUICK_TURNS : TURNS).entries()) {
      const progress = (text: string): void => context.progress(`${name} (${turn + 1}), ${text}`);
      const env = name === 'on' ? traced : {};
      await context.sessions.onHeadgate(
        { tenants: usualTenants(context), env },
        progress,
        async (session) => {
          measured[name].push(await measureSaturation({ ...context, progress }, session, SUBJECTS));
          accounts[`${name}, turn ${turn + 1}`] = await session.account();
        },
      );
    }
  } finally {
    receiver.stop();
  }
  const figures = [...figuresOf('off', measured.off), ...figuresOf('on', measured.on)];
  const sent = { name: 'spans sent', value: round(receiver.bytes() / 1e6), unit: 'MB' };
  return { figures: [...figures, sent], accounts, details: { measured } };
}

function figuresOf(name: Name, all: readonly Measured[]): Figure[] {
  return all.flatMap((measured, turn) =>
    [...rateFigures(measured), cpuFigure(measured)].map((figure) => ({
      ...figure,
      name: `${name} ${turn + 1}: ${figure.name}`,
    })),
  );
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
