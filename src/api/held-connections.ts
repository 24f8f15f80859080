import type { Socket } from 'node:net';

/** Connections in one state, by whose they are. */
export class HeldConnections {
  private readonly byHolder = new Map<string, Set<Socket>>();
  private all = 0;

  /** How many there are. */
  get count(): number {
    return this.all;
  }

  /** Adds one; one that is there already stays where it is. */
  add(holder: string, socket: Socket): void {
    const held = this.byHolder.get(holder);
    if (held?.has(socket) === true) return;
    this.all++;
    if (held === undefined) this.byHolder.set(holder, new Set([socket]));
    else held.add(socket);
  }

  /** Takes one off. */
  delete(holder: string, socket: Socket): void {
    const held = this.byHolder.get(holder);
    if (held?.delete(socket) !== true) return;
    this.all--;
    if (held.size === 0) this.byHolder.delete(holder);
  }

  /** Of the holder that has most, the one that came first. */
  ofGreediest(): Socket | undefined {
    let greediest: Set<Socket> | undefined;
    for (const held of this.byHolder.values())
      if (greediest === undefined || held.size > greediest.size) greediest = held;
    return greediest?.values().next().value;
  }
}
