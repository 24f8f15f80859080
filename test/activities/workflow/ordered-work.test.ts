import assert from 'node:assert/strict';
import { OrderedWork, type AddressedEvent } from '../../../src/activities/workflow/ordered-work.js';
import { allAtOnce } from '../../../src/platform/event-loop-turns.js';
import { event } from '../../support/events.js';

/** Lines by the workflow that each is for: line 0 is for the first letter. */
function workOf(workflows: string, notDue: readonly number[] = []) {
  const held: number[] = [];
  const lines = [...workflows].map((_, line) => line);
  const work = new OrderedWork({
    due: [
      // As after passes that have failed: what was tried more often comes later in it.
      { attempts: 0, lines: lines.filter((line) => line % 2 === 1 && !notDue.includes(line)) },
      { attempts: 1, lines: lines.filter((line) => line % 2 === 0 && !notDue.includes(line)) },
    ],
    notDue: [{ attempts: 2, lines: notDue }],
    address: (line, attempts) => {
      const target = { workflow: 'w', taskQueue: 'q', signal: 's', id: workflows[line]! };
      return { line, attempts, row: event(`e-${line}`, 0), target };
    },
    onHeld: (line) => held.push(line),
  });
  /** All that may be handed out now. */
  const handedOut = (): AddressedEvent[] => {
    const events: AddressedEvent[] = [];
    const next = (): AddressedEvent | undefined => allAtOnce(work.next());
    for (let event = next(); event !== undefined; event = next()) events.push(event);
    return events;
  };
  return { work, held, handedOut };
}

const linesOf = (events: readonly AddressedEvent[]): number[] => events.map(({ line }) => line);

describe('the ordered work of a pass', () => {
  it('hands out one event a workflow, in the order of the batch whatever was tried how often, the next when it is settled', () => {
    const { work, handedOut, held } = workOf('aabab');
    const first = handedOut();
    assert.deepEqual(linesOf(first), [0, 2]);
    work.settled(first[0]!);
    const second = handedOut();
    assert.deepEqual(linesOf(second), [1]);
    work.settled(second[0]!);
    work.settled(first[1]!);
    assert.deepEqual(linesOf(handedOut()), [3, 4]);
    assert.deepEqual(held, []);
  });

  it('holds what follows an event that failed, and hands out nothing more of its workflow', () => {
    const { work, handedOut, held } = workOf('abaab');
    const [a, b] = handedOut();
    work.failed(a!);
    assert.deepEqual(held, [2, 3]);
    work.settled(b!);
    assert.deepEqual(linesOf(handedOut()), [4]);
  });

  it('holds what follows an event that is not due yet', () => {
    const { handedOut, held } = workOf('abab', [0]);
    assert.deepEqual(linesOf(handedOut()), [1]);
    assert.deepEqual(held, [2]);
  });

  it('finds the next in steps of one event, whose templates may take long', () => {
    const { work, held } = workOf(`${'a'.repeat(100)}b`, [0]);
    const steps = work.next();
    let taken = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) taken++;
    assert.deepEqual([step.value?.line, held.length], [100, 99]);
    assert.ok(taken >= 100, `${taken} steps`);
  });

  it('reads no further than a thousand events that wait for others, and goes on when some are through', () => {
    const { work, handedOut } = workOf(`${'a'.repeat(1_500)}b`);
    const [a, ...more] = handedOut();
    assert.deepEqual(more, []);
    work.settled(a!);
    for (let line = 1; line < 500; line++) {
      const [next, ...others] = handedOut();
      assert.deepEqual([next?.line, others], [line, []]);
      work.settled(next!);
    }
    assert.deepEqual(linesOf(handedOut()), [500, 1_500]);
  });
});
