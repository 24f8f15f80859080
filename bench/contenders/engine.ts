/**
 * `per-request` and `per-event`, by the first argument: what Temporal does when it is used without batching. A workflow
 * for each POST, or for each event, started eagerly in the process that runs its worker, on a Temporal server with
 * Headgate's own settings; the start is the acknowledgement. The events are the workflow's input, the rule runs in one
 * local activity on a state in memory.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { Worker, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { installRuntime } from '../../src/temporal/runtime.js';
import { openTemporal } from '../../src/temporal/temporal.js';
import type { EventRow } from '../../src/events/event.js';
import { runContender, type Keeping, type Parts } from './contender.js';
import type { HandleActivities, handleEvents } from './engine-workflow.js';

const TASK_QUEUE = 'contender';
const WORKFLOWS = fileURLToPath(new URL('./engine-workflow.ts', import.meta.url));

async function open({ config, deciding, sink, log }: Parts): Promise<Keeping> {
  const shutdownRuntime = installRuntime(log);
  const temporal = await openTemporal(config);
  const { connection, namespace } = temporal;
  const activities: HandleActivities = {
    handle: async ({ tenant, events }) => {
      const rows = events
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as EventRow);
      const { ndjson, evaluated } = deciding.decide(tenant, rows);
      sink.add(
        tenant,
        { ndjson: Buffer.from(events), rows: rows.length },
        { ndjson: Buffer.from(ndjson), rows: evaluated },
      );
      return rows.length;
    },
  };
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: WORKFLOWS,
      logger: new DefaultLogger('WARN'),
    }),
    activities,
    maxCachedWorkflows: 500,
  });
  const running = worker.run();
  const client = new Client({ connection, namespace });
  const start = (tenant: string, events: string): Promise<unknown> =>
    client.workflow.start<typeof handleEvents>('handleEvents', {
      workflowId: randomUUID(),
      taskQueue: TASK_QUEUE,
      args: [{ tenant, events }],
      requestEagerStart: true,
    });
  return {
    accept: async (tenant, events) => {
      const lines = events.map(({ json }) => `${json}\n`);
      if (process.argv[2] === 'per-event') await Promise.all(lines.map((line) => start(tenant, line)));
      else await start(tenant, lines.join(''));
    },
    close: async () => {
      worker.shutdown();
      await running;
      await temporal.close();
      await shutdownRuntime();
    },
  };
}

await runContender(open);
