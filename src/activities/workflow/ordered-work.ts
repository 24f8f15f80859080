import type { EventRow } from '../../events/event.js';
import type { Steps } from '../../platform/event-loop-turns.js';
import type { DueLines } from '../deliveries/tally.js';
import type { WorkflowTarget } from './templates.js';

/** An event and the workflow it is for. */
export interface AddressedEvent {
  readonly line: number;
  /** Attempts before this one. */
  readonly attempts: number;
  readonly row: EventRow;
  readonly target: WorkflowTarget;
}

/** What {@link OrderedWork} is about. */
export interface OrderedWorkOptions {
  /** What is to be signalled now, */
  readonly due: readonly DueLines[];
  /** and what later: the events of its workflows that come after it wait for it. */
  readonly notDue: readonly DueLines[];
  /** Finds out which workflow an event is for; undefined for an event that cannot be signalled, now or ever. */
  readonly address: (line: number, attempts: number) => AddressedEvent | undefined;
  /** Called with an event that waits for one that comes before it and is not due. */
  readonly onHeld: (line: number) => void;
}

/** Events that wait for others of their workflow, at most: beyond it nothing more is read until some of them are through. */
const MAX_WAITING = 1_000;

/**
 * The events of a pass in the order of the batch, one at a time for each workflow: an event is handed out when the one
 * before it has been taken, and not at all in this pass once one before it has failed. A workflow is free, busy (one of
 * its events is on its way, others may wait behind that), or blocked (one of its events is to be tried later).
 */
export class OrderedWork {
  /** By the id of a busy workflow, what waits. */
  private readonly behind = new Map<string, AddressedEvent[]>();
  /** Ids of blocked workflows. */
  private readonly blocked = new Set<string>();
  /** Events whose turn has come. */
  private readonly freed: AddressedEvent[] = [];
  private waiting = 0;
  private readonly reading: Iterator<AddressedEvent | undefined>;

  constructor(private readonly options: OrderedWorkOptions) {
    this.reading = this.addressed();
  }

  /** The next event that may be signalled, found in steps of one event; undefined when there is none, for now. */
  *next(): Steps<AddressedEvent | undefined> {
    for (; ; yield) {
      const freed = this.freed.shift();
      if (freed !== undefined) {
        this.waiting--;
        return freed;
      }
      if (this.waiting >= MAX_WAITING) return undefined;
      const read = this.reading.next();
      if (read.done === true) return undefined;
      if (read.value === undefined) continue;
      const queue = this.behind.get(read.value.target.id);
      if (queue === undefined) {
        this.behind.set(read.value.target.id, []);
        return read.value;
      }
      queue.push(read.value);
      this.waiting++;
    }
  }

  /** An event that was handed out is delivered or given up: the next one of its workflow may follow. */
  settled({ target: { id } }: AddressedEvent): void {
    const next = this.behind.get(id)?.shift();
    if (next === undefined) this.behind.delete(id);
    else this.freed.push(next);
  }

  /** An event that was handed out is to be tried later: the others of its workflow wait for it. */
  failed({ target: { id } }: AddressedEvent): void {
    const queue = this.behind.get(id) ?? [];
    this.behind.delete(id);
    this.blocked.add(id);
    this.waiting -= queue.length;
    for (const { line } of queue) this.options.onHeld(line);
  }

  /** Undefined for one that is not handed out now: each takes its time. */
  private *addressed(): Generator<AddressedEvent | undefined> {
    const { due, notDue, address, onHeld } = this.options;
    for (const { line, attempts } of inOrder(notDue)) {
      const event = address(line, attempts);
      if (event !== undefined) this.blocked.add(event.target.id);
      yield undefined;
    }
    for (const { line, attempts } of inOrder(due)) {
      const event = address(line, attempts);
      const isBlocked = event !== undefined && this.blocked.has(event.target.id);
      if (isBlocked) onHeld(line);
      yield isBlocked ? undefined : event;
    }
  }
}

function inOrder(groups: readonly DueLines[]): { readonly line: number; readonly attempts: number }[] {
  return groups
    .flatMap(({ attempts, lines }) => [...lines].map((line) => ({ line, attempts })))
    .sort((left, right) => left.line - right.line);
}
