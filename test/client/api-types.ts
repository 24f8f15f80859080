/**
 * Types of `@headgate/client` against what the API's routes say of their answers. It is compiled by `npm run check`, which
 * fails where the client lacks a member, has one too many, or has it of another type.
 */
import type { SubjectDecisions } from '../../packages/client/src/index.js';
import type { CloudEvent } from '../../packages/client/src/cloudevent.js';
import type { Message } from '../../packages/client/src/consumer.js';
import type { Settled } from '../../packages/client/src/leases.js';
import type { PostAnswer } from '../../packages/client/src/send.js';
import type { SUBJECT } from '../../src/api/schemas/decisions.js';
import type { EVENTS_ANSWER } from '../../src/api/schemas/events.js';
import type { DELIVERED_EVENT, PULL_ANSWER, SETTLE_ANSWER } from '../../src/api/schemas/pull.js';
import type { Wire } from '../../src/platform/json-schema.js';

/** The members of a type, all the way down, and which of them may be absent. Texts may be of a set on one side alone. */
type Members<T> = T extends readonly (infer Item)[]
  ? readonly Members<Item>[]
  : T extends object
    ? string extends keyof T
      ? 'a map'
      : { readonly [K in keyof T]: Members<T[K]> }
    : T extends string
      ? 'a text'
      : T;

type Same<A, B> =
  (<T>() => T extends Members<A> ? 1 : 2) extends <T>() => T extends Members<B> ? 1 : 2 ? true : false;

/** The server's answer can be taken for the client's type, and both have the same members. */
type Matches<Server extends Client, Client> = Same<Server, Client>;

type True<T extends true> = T;

type Pulled = Wire<typeof PULL_ANSWER>['messages'][number];

/** What must be true of them; a difference does not compile. */
export type Checks = [
  True<Matches<Wire<typeof SUBJECT>, SubjectDecisions>>,
  True<Matches<Wire<typeof EVENTS_ANSWER>, PostAnswer>>,
  True<Matches<Omit<Pulled, 'event'>, Omit<Message, 'event'>>>,
  True<Wire<typeof DELIVERED_EVENT> extends CloudEvent ? true : false>,
  True<Matches<Wire<typeof SETTLE_ANSWER>, Required<Settled>>>,
];
