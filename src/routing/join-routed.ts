import { LineSet } from '../events/line-set.js';
import type { RoutedEvents } from '../workflows/messages/batches.js';

/** What a chunk adds to its batch's files, and where its events go. */
export interface RoutedChunk {
  readonly events: number;
  /** Decisions on them. */
  readonly evaluated: number;
  readonly routed?: readonly RoutedEvents[];
}

/** Where the events of a batch go, from where those of its chunks do: lines are counted on through the batch's files. */
export function joinRouted(chunks: readonly RoutedChunk[]): RoutedEvents[] {
  const groups = new Map<string, { group: RoutedEvents; lines: LineSet }>();
  const lengths = { events: 0, decisions: 0 };
  for (const { events, evaluated, routed = [] } of chunks) {
    for (const group of routed) {
      const { subscription, of, priority, looped = false } = group;
      const key = `${subscription}/${of}/${priority}/${looped}`;
      const joined = groups.get(key) ?? { group, lines: LineSet.none() };
      groups.set(key, joined);
      const own = LineSet.decode(group.lines, of === 'events' ? events : evaluated);
      joined.lines.addAll(own, lengths[of]);
    }
    lengths.events += events;
    lengths.decisions += evaluated;
  }
  return [...groups.values()].map(({ group, lines }) => {
    const isAll = lines.count === lengths[group.of];
    return { ...group, count: lines.count, lines: isAll ? undefined : lines.encode() };
  });
}
