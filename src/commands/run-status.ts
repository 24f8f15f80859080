import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import type { StatusReport } from '../status/report.js';
import { openCommandApi, type CommandApi } from './call-api.js';
import { errorText } from './error-text.js';
import { statusLines } from './status-lines.js';
import { print, printError } from './terminal-text.js';

/** Options of `headgate status`. */
export interface StatusOptions {
  readonly tenant?: string;
  readonly url?: string;
  readonly json: boolean;
  readonly watch: boolean;
}

/** Problems that fit a screen, and the most that the API gives. */
const SHOWN = 20;
const MOST = 1_000;
const WATCH_EVERY_MS = 5_000;
/** Clears the screen, and what has scrolled off it. */
const CLEAR = '\u001b[H\u001b[2J\u001b[3J';

const EXIT_CODES: Readonly<Record<StatusReport['verdict'], number>> = { well: 0, failing: 1, unknown: 2 };

/** Shows how all that runs stands; the exit code says it to scripts. */
export async function runStatus(options: StatusOptions): Promise<void> {
  let api: CommandApi | undefined;
  do {
    try {
      api ??= openCommandApi(options, 'status:read');
      const report = await api.call<StatusReport>('GET', `/v1/status?limit=${options.json ? MOST : SHOWN}`);
      process.exitCode = EXIT_CODES[report.verdict];
      show(report, options);
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error;
      process.exitCode = EXIT_CODES.unknown;
      printError(errorText(error));
      // A token that is refused will be the next time as well.
      if (!error.retryable) return;
    }
  } while (options.watch && (await delay(WATCH_EVERY_MS, true)));
}

function show(report: StatusReport, { json, watch }: StatusOptions): void {
  if (json) return print(JSON.stringify(report, undefined, watch ? undefined : 2));
  const isTerminal = process.stdout.isTTY;
  if (watch && isTerminal) process.stdout.write(CLEAR);
  print(statusLines(report, { color: loadConfig().color && isTerminal }).join('\n'));
}
