import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import { eventFor, readLines } from '../events/event-lines.js';
import { sendLines, type SendOptions, type SendTally } from '@headgate/client';
import { loadConfig } from '../config.js';
import { HeadgateError, systemCodeOf } from '../errors.js';
import type { InputStream } from '../events/event.js';
import { assertTenantId } from '../tenants/ids.js';
import { tokenSource } from './token-source.js';
import { print, printError } from './terminal-text.js';

/** Options of `headgate send`. */
export interface SendCommandOptions {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly url?: string;
  readonly restart: boolean;
  readonly acknowledged?: string;
}

/** Sends a file, from where an interrupted run of the same command has left off. */
export async function runSend(file: string, options: SendCommandOptions): Promise<void> {
  const config = loadConfig();
  const tenant = assertTenantId(options.tenant);
  const url = options.url ?? `http://${config.host}:${config.port}`;
  const size = await sizeOf(file);
  const cursor = await openCursor(
    config.dataDir,
    [resolve(file), String(size), tenant, options.stream, url],
    options.restart,
  );
  const progress = createProgress(size);
  let position = 0;
  let scanned = 0;

  async function* lines(): AsyncIterable<string> {
    for await (const line of readLines(file)) {
      scanned++;
      position = line.position;
      if (scanned <= cursor.lines) continue;
      const event = eventFor(tenant, line.text);
      if (event !== undefined) yield event;
    }
  }

  const rejections: string[] = [];
  const tally = await sendLines({
    url,
    stream: options.stream,
    tenant,
    token: tokenSource(config, tenant, `${options.stream}:write`),
    lines: lines(),
    onAcknowledged: recorder(options.acknowledged, tenant, options.stream),
    onAnswered: async (soFar) => {
      progress.update(position, soFar);
      // What has been read ahead but not answered is sent again: at most one line, which is a duplicate then.
      await cursor.save(scanned - 1);
    },
    onRejected: ({ line, id, reason }) => {
      if (rejections.length < 20)
        rejections.push(`  line ${line}${id === undefined ? '' : ` (${id})`}: ${reason}`);
    },
    onWaiting: (reason) => progress.note(`waiting: ${reason}`),
  });
  await cursor.remove();
  progress.end();
  report(tally, cursor.lines, rejections);
}

/** Adds a line for each id, in the form that `headgate audit --ids` reads. */
function recorder(
  file: string | undefined,
  tenant: string,
  stream: InputStream,
): SendOptions['onAcknowledged'] {
  if (file === undefined) return undefined;
  return (events) =>
    appendFile(file, events.map((event) => `${JSON.stringify({ tenant, stream, ...event })}\n`).join(''));
}

function report(tally: SendTally, skipped: number, rejections: readonly string[]): void {
  const resumed = skipped === 0 ? '' : `, after ${skipped.toLocaleString('en-US')} lines of an earlier run`;
  const count = (value: number): string => value.toLocaleString('en-US');
  print(
    `sent ${count(tally.lines)} events${resumed}: ${count(tally.accepted)} accepted, ${count(tally.duplicate)} duplicates, ${count(tally.rejected)} rejected`,
  );
  if (rejections.length > 0) print(`rejected (the first ${rejections.length}):\n${rejections.join('\n')}`);
  if (tally.rejected > 0) process.exitCode = 2;
}

interface Cursor {
  /** Lines of the file that an interrupted run has had answered. */
  readonly lines: number;
  save(lines: number): Promise<void>;
  remove(): Promise<void>;
}

/** How far an earlier run came; it exists only between an interruption and the run that resumes it. */
async function openCursor(dataDir: string, identity: readonly string[], restart: boolean): Promise<Cursor> {
  const name = createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 32);
  const directory = join(dataDir, 'send');
  const path = join(directory, `${name}.json`);
  await mkdir(directory, { recursive: true });
  const kept = restart ? undefined : await readFile(path, 'utf8').catch(() => undefined);
  const lines = Number(kept ?? 0);
  return {
    lines: Number.isSafeInteger(lines) && lines > 0 ? lines : 0,
    save: (count) => writeFile(path, String(count)),
    remove: () => rm(path, { force: true }),
  };
}

interface Progress {
  update(position: number, tally: Readonly<SendTally>): void;
  note(text: string): void;
  end(): void;
}

/** A bar on a terminal, a plain line every two seconds elsewhere. */
function createProgress(size: number): Progress {
  const startedAt = Date.now();
  const rate = (tally: Readonly<SendTally>): string =>
    Math.round((tally.lines * 1000) / Math.max(1, Date.now() - startedAt)).toLocaleString('en-US');
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format:
        '{bar} {percentage}% · {lines} sent · {duplicates} duplicates · {rejected} rejected · {rate} events/s',
    });
    bar.start(size, 0, { lines: 0, duplicates: 0, rejected: 0, rate: 0 });
    return {
      update: (position, tally) =>
        bar.update(position, {
          lines: tally.lines,
          duplicates: tally.duplicate,
          rejected: tally.rejected,
          rate: rate(tally),
        }),
      note: (text) => printError(`\n${text}`),
      end: () => {
        bar.update(size);
        bar.stop();
      },
    };
  }
  let saidAt = 0;
  return {
    update: (position, tally) => {
      if (Date.now() - saidAt < 2_000) return;
      saidAt = Date.now();
      printError(
        `${Math.floor((position * 100) / Math.max(1, size))}% of the file · ${tally.lines} sent · ${rate(tally)} events/s`,
      );
    },
    note: (text) => printError(text),
    end: () => undefined,
  };
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT')
      throw new HeadgateError('FILE_UNREADABLE', `There is no file ${file}.`);
    throw error;
  }
}
