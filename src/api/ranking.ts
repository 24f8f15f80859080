/** Things by a number that each has, which goes up and down by one at a time: the first is found without a search. */
export class Ranking<Item> {
  private readonly byNumber = new Map<number, Set<Item>>();
  private highest = 0;

  /** Puts a thing whose number was `from` (0: it was not there) to `to` (0: it goes). */
  move(item: Item, from: number, to: number): void {
    this.take(item, from);
    if (to > 0) {
      const same = this.byNumber.get(to);
      if (same === undefined) this.byNumber.set(to, new Set([item]));
      else same.add(item);
    }
    this.highest = Math.max(this.highest, to);
    while (this.highest > 0 && !this.byNumber.has(this.highest)) this.highest--;
  }

  /** The highest number; 0 when there is nothing. */
  get most(): number {
    return this.highest;
  }

  /** The things, from the highest number down. */
  *descending(): Iterable<Item> {
    for (let number = this.highest; number > 0; number--) yield* this.byNumber.get(number) ?? [];
  }

  private take(item: Item, from: number): void {
    const same = this.byNumber.get(from);
    same?.delete(item);
    if (same?.size === 0) this.byNumber.delete(from);
  }
}
