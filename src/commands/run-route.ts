import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { basename, dirname, join } from 'node:path';
import { scanJson } from '../api/scan-json.js';
import { isRejection, validateEvent } from '../api/validate-event.js';
import { loadConfig } from '../config.js';
import { HeadgateError, messageOf } from '../errors.js';
import type { EventRow, InputStream } from '../events/event.js';
import { compileRoutes } from '../routing/compile.js';
import { explain, type Explanation, type RouteExplanation } from '../routing/explain.js';
import { readTenantFile, tenantFileName } from '../tenants/config/tenant-file.js';
import { assertTenantId } from '../tenants/ids.js';
import { print } from './terminal-text.js';

/** Options of `headgate route`. */
export interface RouteOptions {
  readonly tenant?: string;
  readonly config?: string;
  readonly explain: string;
  readonly stream: InputStream;
  readonly json: boolean;
}

/** Says which routes match an event, and why the others do not. */
export async function runRoute(options: RouteOptions): Promise<void> {
  const { config } = await readTenantFile(...placeOf(options));
  const event = await readEvent(options);
  const explanation = explain(compileRoutes(config).compiled, config.routes, event, options.stream);
  const output = options.json ? JSON.stringify(explanation, undefined, 2) : report(explanation);
  print(output);
}

function placeOf({ tenant, config }: RouteOptions): [dir: string, name: string] {
  if (config !== undefined) return [dirname(config), basename(config)];
  if (tenant !== undefined)
    return [join(loadConfig().dataDir, 'tenants'), tenantFileName(assertTenantId(tenant))];
  throw new HeadgateError('CONFIG_INVALID', 'Say whose routes: --tenant <tenant>, or --config <file>.');
}

async function readEvent({ explain: file, stream }: RouteOptions): Promise<EventRow> {
  let json: string;
  let value: unknown;
  try {
    json = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'));
    value = JSON.parse(json);
  } catch (error) {
    throw new HeadgateError('FILE_UNREADABLE', `${file} is not a JSON event: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const now = new Date();
  const event = validateEvent(
    value,
    stream,
    { ms: now.getTime(), iso: now.toISOString() },
    scanJson(Buffer.from(json))[0],
  );
  if (!isRejection(event)) return event;
  throw new HeadgateError('NOTHING_ACCEPTED', `The event would be rejected: ${event.reason} (${event.code})`);
}

function report({ routes, targets }: Explanation): string {
  const goes = targets.map(({ subscription, priority }) => `  ${subscription} (${priority} priority)`);
  const to = goes.length === 0 ? ['It goes to no subscription.'] : ['It goes to:', ...goes];
  return [...routes.map(lineOf), ...to].join('\n');
}

function lineOf({ index, match, to, matches, because }: RouteExplanation): string {
  const rule = JSON.stringify(match);
  const verdict = matches ? `matches: ${to.join(', ')}` : `no: ${because ?? ''}`;
  return `route ${index} ${rule}\n  ${verdict}`;
}
