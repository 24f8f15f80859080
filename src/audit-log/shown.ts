import type { Entry } from './entry.js';

/** The numbers of lines say how much all do together; the hash, by which a line is known, is shown as `id`. */
const HIDDEN: ReadonlySet<string> = new Set(['seq', 'previous', 'hash']);
/** From where operators, and those at the node, work is nothing for tenants. */
const HIDDEN_FROM_TENANTS: ReadonlySet<string> = new Set([...HIDDEN, 'address', 'forwardedFor']);

/** An entry as it is shown to somebody. */
export type ShownEntry = Omit<Entry, 'seq' | 'previous' | 'hash'> & { readonly id: string };

/** What is shown of an entry to an operator, or to the tenant that it is about. */
export function shownTo(role: 'operator' | 'tenant', entry: Entry): ShownEntry {
  const isOwn = role === 'operator' || entry.role === 'tenant';
  const hidden = isOwn ? HIDDEN : HIDDEN_FROM_TENANTS;
  const members = Object.entries(entry).filter(([name]) => !hidden.has(name));
  const { subject } = entry;
  // Of Temporal's clients it names the host too: `temporal-cli:alice@laptop`.
  const who =
    isOwn || entry.role !== 'temporal' || subject === undefined
      ? {}
      : { subject: subject.replace(/@[^@]*$/, '') };
  return { id: entry.hash, ...Object.fromEntries(members), ...who } as ShownEntry;
}
