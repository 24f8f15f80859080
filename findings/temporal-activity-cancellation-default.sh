#!/usr/bin/env bash
# @temporalio/workflow and @temporalio/worker 1.24.0: activities without a cancellationType, in a workflow that is cancelled.
# Likely guess: the workflow waits until the activity has ended: the option's documentation in @temporalio/common 1.24.0
# says `@default ActivityCancellationType.WAIT_CANCELLATION_COMPLETED`.
# Behaviour: TRY_CANCEL: the call rejects at once and the workflow goes on, while the activity is still running.
# Seen: by default: goes on at once; TRY_CANCEL: goes on at once; WAIT_CANCELLATION_COMPLETED: does not
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null
npm install --no-audit --no-fund --silent @temporalio/worker@1.24.0 @temporalio/workflow@1.24.0 @temporalio/common@1.24.0
grep -q '@default ActivityCancellationType.WAIT_CANCELLATION_COMPLETED' node_modules/@temporalio/common/lib/activity-options.d.ts
cat > workflows.js <<'JS'
const { isCancellation, proxyActivities } = require('@temporalio/workflow');
const cancelled = (more) => async () => {
  try {
    await proxyActivities({ startToCloseTimeout: '1 minute', ...more }).slow();
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
};
exports.byDefault = cancelled({});
exports.tryCancel = cancelled({ cancellationType: 'TRY_CANCEL' });
exports.wait = cancelled({ cancellationType: 'WAIT_CANCELLATION_COMPLETED' });
JS
cat > look.mjs <<'JS'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

// What a server writes where the workflow ends in the very task that asks the activity to stop.
const taskQueue = { name: 'q' };
const history = (type) => ({
  events: [
    ['WORKFLOW_EXECUTION_STARTED', { workflowType: { name: type }, taskQueue, workflowTaskTimeout: '10s', originalExecutionRunId: 'r', attempt: 1 }],
    ['WORKFLOW_TASK_SCHEDULED', { taskQueue, attempt: 1 }],
    ['WORKFLOW_TASK_STARTED', { scheduledEventId: '2' }],
    ['WORKFLOW_TASK_COMPLETED', { scheduledEventId: '2', startedEventId: '3' }],
    ['ACTIVITY_TASK_SCHEDULED', { activityId: '1', activityType: { name: 'slow' }, taskQueue, workflowTaskCompletedEventId: '4' }],
    ['WORKFLOW_EXECUTION_CANCEL_REQUESTED', {}],
    ['WORKFLOW_TASK_SCHEDULED', { taskQueue, attempt: 1 }],
    ['WORKFLOW_TASK_STARTED', { scheduledEventId: '7' }],
    ['WORKFLOW_TASK_COMPLETED', { scheduledEventId: '7', startedEventId: '8' }],
    ['ACTIVITY_TASK_CANCEL_REQUESTED', { scheduledEventId: '5', workflowTaskCompletedEventId: '9' }],
    ['WORKFLOW_EXECUTION_COMPLETED', { workflowTaskCompletedEventId: '9' }],
  ].map(([name, attributes], index) => ({
    eventId: String(index + 1),
    eventTime: '2026-01-01T00:00:00Z',
    eventType: `EVENT_TYPE_${name}`,
    [`${name.toLowerCase().replace(/_(.)/g, (_, c) => c.toUpperCase())}EventAttributes`]: attributes,
  })),
});
const logger = new DefaultLogger('ERROR', () => undefined);
Runtime.install({ logger, telemetryOptions: { logging: { filter: 'off', forward: {} } } });
async function goesOn(type) {
  try {
    await Worker.runReplayHistory({ workflowsPath: './workflows.js' }, history(type));
    return true;
  } catch (error) {
    if (error.name !== 'DeterminismViolationError') throw error;
    return false;
  }
}
const said = (yes) => (yes ? 'goes on at once' : 'does not');
const [byDefault, tried, wait] = [await goesOn('byDefault'), await goesOn('tryCancel'), await goesOn('wait')];
console.log(`by default: ${said(byDefault)}; TRY_CANCEL: ${said(tried)}; WAIT_CANCELLATION_COMPLETED: ${said(wait)}`);
process.exit(byDefault && tried && !wait ? 0 : 1);
JS
node look.mjs 2> /dev/null
