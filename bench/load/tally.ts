import type { Answer } from './http.js';
import type { LoadTally } from './spec.js';

/** A tally of nothing yet. */
export function emptyTally(): LoadTally {
  return { requests: 0, acknowledged: 0, unexpected: 0, refused: {}, unanswered: 0, unansweredEvents: 0 };
}

/** Counts an answer to a request of `events` events. Returns true when it was taken. */
export function countAnswer(tally: LoadTally, events: number, answer: Answer): boolean {
  tally.requests += 1;
  if (answer.status === 202) {
    tally.acknowledged += answer.accepted;
    tally.unexpected += events - answer.accepted;
    if (answer.accepted < events) tally.firstProblem ??= 'events were duplicate or rejected';
    return true;
  }
  const status = String(answer.status);
  tally.refused[status] = (tally.refused[status] ?? 0) + 1;
  if (answer.status !== 429 && answer.status !== 503) tally.firstProblem ??= `the API answered ${status}`;
  return false;
}

/** Counts a request of `events` events that got no answer. */
export function countUnanswered(tally: LoadTally, events: number, error: unknown): void {
  tally.requests += 1;
  tally.unanswered += 1;
  tally.unansweredEvents += events;
  tally.firstProblem ??= error instanceof Error ? error.message : String(error);
}
