import { messageOf, type HeadgateError } from '../errors.js';
import { describePlace, type PostgresPlace } from '../stores/state/postgres-place.js';
import { fail, ok, warn, type Finding } from './finding.js';

/** Asks the Postgres that is to have the state. A request whose subjects are not in memory waits for a round trip. */
export async function checkState(place: PostgresPlace): Promise<Finding> {
  try {
    const { checkPostgres } = await import('../stores/state/postgres-check.js');
    const { version, roundTripMs, tables } = await checkPostgres(place);
    const made = tables === 0 ? ', the first start makes the tables' : '';
    const found = `${describePlace(place)} is Postgres ${version}, a round trip takes ${roundTripMs.toFixed(1)} ms${made}`;
    if (roundTripMs < 20) return ok('state', found);
    return warn('state', found, 'requests wait for it: put Postgres nearer to Headgate');
  } catch (error) {
    // `checkPostgres` throws nothing else.
    const fix = (error as HeadgateError).retryable
      ? 'see that it runs, and that the network reaches it: until then Headgate waits at its start'
      : 'do so, or set HEADGATE_STATE otherwise: Headgate does not start like this';
    return fail('state', messageOf(error), fix);
  }
}
