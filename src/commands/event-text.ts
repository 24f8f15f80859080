import Table from 'cli-table3';
import type { EventSummary } from '../event-history/found-event.js';
import type { EventDelivery, EventStory } from '../event-history/story.js';
import { cell } from './terminal-text.js';

const PLAIN = { head: [], border: [] };

/** Events as a table. */
export function eventsTable(events: readonly EventSummary[]): string {
  const table = new Table({ head: ['received', 'id', 'source', 'type', 'state', 'batch'], style: PLAIN });
  for (const { receivedAt, id, source, type, state, batchId = '' } of events)
    table.push([receivedAt, cell(id, 60), cell(source, 40), cell(type, 60), state, batchId]);
  return table.toString();
}

/** What became of an event, a fact a line. */
export function storyText(story: EventStory): string {
  const { workflow, load } = story;
  const loads = load?.loads.map(({ stream, loadId, file }) => `${stream}: ${file ?? loadId}`) ?? [];
  const facts: [string, string | undefined][] = [
    ['id', story.id],
    ['source', story.source],
    ['stream', story.stream],
    ['type', story.type],
    ['subject', story.subject],
    ['time', story.time],
    ['received', story.receivedAt],
    ['state', story.state],
    ['batch', story.batchId && `${story.batchId}, line ${story.line}`],
    ['workflow', workflow && `${workflow.workflowId} (${workflow.status})`],
    ['page', workflow?.url],
    ['load', load && (loads.join(', ') || `waits (${load.workflow.workflowId})`)],
  ];
  const decisions = (story.decisions ?? []).map(
    ({ rule, ruleVersion, outcome, reason }) =>
      ['decision', `${rule} (${ruleVersion}): ${outcome}, ${reason}`] as const,
  );
  return [
    ...[...facts, ...decisions].flatMap(([name, value]) => (value === undefined ? [] : [fact(name, value)])),
    ...(story.deliveries ?? []).flatMap(deliveryLines),
  ].join('\n');
}

function deliveryLines({ subscription, of, state, attempts, deadLetters }: EventDelivery): string[] {
  const what = of === 'events' ? '' : ' (derived from a decision)';
  return [
    fact('delivery', `${subscription}${what}: ${state}`),
    ...attempts.map(({ at, attempt, outcome, status, error, response, cause }) => {
      const answer = [error ?? (status === undefined ? undefined : `HTTP ${status}`), response];
      const told = answer.filter((each) => each !== undefined && each !== '').join(': ');
      const by = cause === undefined ? '' : ` (${cause})`;
      return fact('', `${at} attempt ${attempt}${by}: ${outcome}${told === '' ? '' : `, ${told}`}`);
    }),
    ...deadLetters.map(({ id, reason, status, by }) => {
      const who = by === undefined ? '' : ` by ${by.actor}${by.reason === undefined ? '' : `: ${by.reason}`}`;
      return fact('', `dead letter ${id}: ${reason}, ${status}${who}`);
    }),
  ];
}

function fact(name: string, value: string): string {
  return `${name.padEnd(14)}${cell(value, 1_000)}`;
}
