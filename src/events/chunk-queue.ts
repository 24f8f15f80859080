import type { Chunk } from './chunk.js';

/** Chunks first in, first out; taking from the front of a plain array would move all the others each time. */
export class ChunkQueue implements Iterable<Chunk> {
  private chunks: Chunk[] = [];
  private start = 0;

  get length(): number {
    return this.chunks.length - this.start;
  }

  get first(): Chunk | undefined {
    return this.chunks[this.start];
  }

  push(chunk: Chunk): void {
    this.chunks.push(chunk);
  }

  /** How many chunks from the front on are such, up to the first that is not. */
  count(isSuch: (chunk: Chunk) => boolean): number {
    let count = 0;
    for (const chunk of this) {
      if (!isSuch(chunk)) break;
      count++;
    }
    return count;
  }

  /** Takes `count` chunks from the front. */
  take(count: number): Chunk[] {
    const taken = this.chunks.slice(this.start, this.start + count);
    this.start += taken.length;
    if (this.start * 2 > this.chunks.length) {
      this.chunks = this.chunks.slice(this.start);
      this.start = 0;
    }
    return taken;
  }

  *[Symbol.iterator](): Iterator<Chunk> {
    for (let at = this.start; at < this.chunks.length; at++) yield this.chunks[at] as Chunk;
  }
}
