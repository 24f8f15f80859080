/**
 * The soak's load generator, a process of its own: sends the workloads of the tenants it is given, notes every
 * acknowledged id in a file, says once a second how many there are, and at SIGTERM finishes what it has begun.
 * Arguments: address of the API, data directory, file for the ids, tenants.
 */
import { appendFileSync } from 'node:fs';
import { startLoad } from '../support/load.js';
import { Workload } from '../support/workload.js';

const EVENTS_PER_REQUEST = 50;
/** Many: what is kept of a subject grows with its events. */
const SUBJECTS = 2_000;
const PAUSE_MS = 100;

const [url = '', dataDir = '', idsFile = '', ...tenants] = process.argv.slice(2);

const load = startLoad(
  tenants.map((tenant) => new Workload(tenant, EVENTS_PER_REQUEST, SUBJECTS)),
  {
    url: () => url,
    dataDir,
    pauseMs: PAUSE_MS,
    onAcknowledged: (tenant, { stream, events }) =>
      appendFileSync(idsFile, events.map(({ id }) => `${JSON.stringify({ tenant, stream, id })}\n`).join('')),
  },
);
const saying = setInterval(() => console.log(load.acknowledged()), 1_000);

process.once('SIGTERM', () => {
  load.finish().then(
    () => {
      clearInterval(saying);
      console.log(load.acknowledged());
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
