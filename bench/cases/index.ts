import type { BenchCase } from './bench-case.js';
import { consoleCase } from './console.js';
import { deadEndpoint } from './dead-endpoint.js';
import { endToEnd, endToEndMillion } from './end-to-end.js';
import { fastLane } from './fast-lane.js';
import { findEvent } from './find-event.js';
import { hostile } from './hostile.js';
import { latency } from './latency.js';
import { noisyNeighbour } from './noisy-neighbour.js';
import { operation } from './operation.js';
import { overload } from './overload.js';
import { pull } from './pull.js';
import { push } from './push.js';
import { ratios } from './ratios.js';
import { tenants } from './tenants.js';
import { traces } from './traces.js';
import { recovery } from './recovery.js';
import { redrive } from './redrive.js';
import { routes } from './routes.js';
import { warehouse } from './warehouse.js';
import { webhooks } from './webhooks.js';

/** All cases, in the order they run: later ones go by the rate that `end-to-end` found. */
export const CASES: readonly BenchCase[] = [
  endToEnd,
  endToEndMillion,
  latency,
  webhooks,
  fastLane,
  tenants,
  noisyNeighbour,
  hostile,
  overload,
  push,
  pull,
  deadEndpoint,
  recovery,
  redrive,
  routes,
  ratios,
  warehouse,
  traces,
  operation,
  findEvent,
  consoleCase,
];
