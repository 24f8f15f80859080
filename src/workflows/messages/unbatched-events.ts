import type { AwaitBatchedResult, UnbatchedEvents } from './replays.js';

/** Says that acknowledged events are in a spool, and in no batch. */
export function inSpool(node: string, { events, oldestReceipt }: AwaitBatchedResult): UnbatchedEvents {
  const since = oldestReceipt === undefined ? '' : `, the oldest received at ${oldestReceipt},`;
  const message = `${events} acknowledged events${since} are in the spool of node ${node} and not in batches yet`;
  return {
    node,
    code: 'events-in-spool',
    message,
    events,
    ...(oldestReceipt !== undefined && { oldestReceipt }),
  };
}

/** Says that the process of a spool has not answered. */
export function spoolAway(node: string): UnbatchedEvents {
  const message = `the API of node ${node} has not answered whether all that it has acknowledged is in batches`;
  return { node, code: 'spool-away', message };
}

/** What a report says of events that its replay has gone without, in words. */
export function incompleteNotes(unbatched: readonly UnbatchedEvents[]): string[] {
  return unbatched.map(({ code, message }) => {
    const told = `${message[0]?.toUpperCase()}${message.slice(1)}`;
    return code === 'events-in-spool'
      ? `This replay is incomplete. ${told}: they are not in this replay. Run it again once they are.`
      : `This replay may be incomplete. ${told}: what is not is missing, and how much that is is not known. Start that API, and the replay again.`;
  });
}
