/** Pulls with the published client: a process of its own, with as many consumers as the harness says. */
import { createClient, type CloudEvent, type Consumer } from '../../packages/client/src/index.js';
import { answering } from './answering.js';
import { Arrivals } from './arrivals.js';
import type { ConsumersRequest } from './messages.js';

/** The most of a pull, and twice that at once, so that the next is on its way while one is handled. */
const MAX_MESSAGES = 1_000;
const MAX_IN_FLIGHT = 2_000;

const arrivals = new Arrivals();
let consumers: Consumer[] = [];
let failure: Error | undefined;

answering<ConsumersRequest>(async (request) => {
  if (failure !== undefined) throw failure;
  if (request.kind === 'arrived') return arrivals.tell();
  if (request.kind === 'begin') return arrivals.begin();
  if (request.kind === 'stop') {
    await Promise.all(consumers.splice(0).map((each) => each.stop()));
    return undefined;
  }
  const client = createClient({ url: request.url, token: request.token });
  const take = ({ id, time = '' }: CloudEvent): void => arrivals.take({ id, time });
  consumers = Array.from({ length: request.consumers }, () =>
    client.consume(request.subscription, take, { maxMessages: MAX_MESSAGES, maxInFlight: MAX_IN_FLIGHT }),
  );
  for (const { ended } of consumers) ended.catch((error: Error) => (failure = error));
  return undefined;
});
