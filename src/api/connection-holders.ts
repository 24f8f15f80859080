import type { Socket } from 'node:net';
import { Ranking } from './ranking.js';

/** What a connection does: see {@link Connections}. */
export type ConnectionState = 'silent' | 'asking' | 'served' | 'refused' | 'idle';

/** What a server knows of a connection. */
export interface Connection {
  readonly socket: Socket;
  readonly openedAt: number;
  /** Requests that are not answered: several, where they are pipelined. */
  unanswered: number;
  /** Of them, those whose token is good and whose answer is worked on. */
  served: number;
  /** Of them, those that are refused and whose answer is held back. */
  refused: number;
  /** Gives the answer that is held back; the connection closes after it. */
  release?: () => void;
  /** Set by {@link Holders} alone. */
  place?: Place;
}

/** Where a connection is counted. */
interface Place {
  readonly holder: Holder;
  readonly state: ConnectionState;
}

/** Whose connections they are: a tenant's, or those of an address whose tenant is not known. */
interface Holder {
  readonly name: string;
  total: number;
  readonly byState: Record<ConnectionState, Set<Connection>>;
}

/** What makes room, the first first. */
const LEAST_USED: readonly ConnectionState[] = ['idle', 'refused', 'silent', 'asking'];
/** More silent ones than somebody has who opens a few: nothing has been done for them, so that they cost least to end. */
const MANY_SILENT = 16;

/**
 * Connections by whose they are and by what they do. A connection is its address's until a request of it had a good
 * token, and then that token's tenant's.
 */
export class Holders {
  private readonly byName = new Map<string, Holder>();
  private readonly byTotal = new Ranking<Holder>();
  private readonly bySilent = new Ranking<Holder>();
  private readonly counts: Record<ConnectionState, number> = {
    silent: 0,
    asking: 0,
    served: 0,
    refused: 0,
    idle: 0,
  };

  /** How many are in a state, of all holders. */
  count(state: ConnectionState): number {
    return this.counts[state];
  }

  /**
   * Puts a connection into a state; one that is in it already stays where it is.
   * @param name whose it is; default: as before
   */
  put(connection: Connection, name: string | undefined, state: ConnectionState): void {
    const before = connection.place;
    const own = name ?? before?.holder.name;
    if (own === undefined || (before?.holder.name === own && before.state === state)) return;
    this.remove(connection);
    const holder = this.holderOf(own);
    holder.byState[state].add(connection);
    connection.place = { holder, state };
    this.counted(holder, state, 1);
  }

  /** Takes a connection off. */
  remove(connection: Connection): void {
    if (connection.place === undefined) return;
    const { holder, state } = connection.place;
    connection.place = undefined;
    holder.byState[state].delete(connection);
    this.counted(holder, state, -1);
    if (holder.total === 0) this.byName.delete(holder.name);
  }

  /** Whether nobody has more connections than whose this one is. */
  isGreediest(connection: Connection): boolean {
    const own = connection.place?.holder.total ?? 0;
    return own > 0 && own === this.byTotal.most;
  }

  /** Of the holder that has most silent connections, the one that has been silent for longest. */
  longestSilent(): Connection | undefined {
    for (const { byState } of this.bySilent.descending()) return byState.silent.values().next().value;
    return undefined;
  }

  /**
   * Of the holder that has most connections of any kind, among those that have one that may go, the first in the first
   * of the states.
   */
  firstOfGreediest(): Connection | undefined {
    for (const holder of this.byTotal.descending()) {
      const opensMany = holder.byState.silent.size > MANY_SILENT;
      const first = firstOf(holder, opensMany ? ['silent', ...LEAST_USED] : LEAST_USED);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  private counted(holder: Holder, state: ConnectionState, by: 1 | -1): void {
    this.counts[state] += by;
    this.byTotal.move(holder, holder.total, holder.total + by);
    holder.total += by;
    if (state !== 'silent') return;
    const now = holder.byState.silent.size;
    this.bySilent.move(holder, now - by, now);
  }

  private holderOf(name: string): Holder {
    let holder = this.byName.get(name);
    if (holder === undefined) {
      const byState = {
        silent: new Set(),
        asking: new Set(),
        served: new Set(),
        refused: new Set(),
        idle: new Set(),
      };
      holder = { name, total: 0, byState } as Holder;
      this.byName.set(name, holder);
    }
    return holder;
  }
}

/** The one that has been for longest in the first of the states that has any. */
function firstOf({ byState }: Holder, states: readonly ConnectionState[]): Connection | undefined {
  const state = states.find((each) => byState[each].size > 0);
  return state && byState[state].values().next().value;
}
