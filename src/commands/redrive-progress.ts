import { setTimeout as delay } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { RedriveStatus } from '../dead-letters/redrives.js';
import type { ResolveProgress } from '../workflows/messages/resolve.js';
import type { CommandApi } from './call-api.js';
import { printError } from './terminal-text.js';

const LOOK_EVERY_MS = 1_000;

/** Follows a redrive or discard of many to its end: by a bar on a terminal, by a line where something has changed elsewhere. */
export async function followRedrive(api: CommandApi, started: RedriveStatus): Promise<RedriveStatus> {
  const show = process.stderr.isTTY ? createBar() : createLines();
  let status = started;
  try {
    while (status.status === 'running') {
      await delay(LOOK_EVERY_MS);
      status = await api.follow<RedriveStatus>(`/v1/dead-letters/redrives/${started.id}`);
      if (status.progress !== undefined) show.update(status.progress);
    }
  } finally {
    show.end();
  }
  return status;
}

/** How far it is, in words. */
export function progressText({ matched, matchedEvents, done, events }: ResolveProgress): string {
  const count = (value: number): string => value.toLocaleString('en-US');
  return `${count(done)} of ${count(matched)} dead letters, ${count(events)} of ${count(matchedEvents)} events`;
}

interface Shown {
  update(progress: ResolveProgress): void;
  end(): void;
}

function createBar(): Shown {
  const bar = new SingleBar({
    format: '{bar} {percentage}% · {line}',
    hideCursor: true,
    stopOnComplete: false,
  });
  bar.start(1, 0, { line: 'counting' });
  return {
    update: (progress) => {
      bar.setTotal(Math.max(1, progress.matchedEvents));
      bar.update(progress.events, { line: progressText(progress) });
    },
    end: () => bar.stop(),
  };
}

function createLines(): Shown {
  let said = '';
  return {
    update: (progress) => {
      const line = progressText(progress);
      if (line !== said) printError(line);
      said = line;
    },
    end: () => undefined,
  };
}
