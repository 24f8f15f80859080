import type { Schema, ObjectSchema, Wire } from '../platform/json-schema.js';
import type { Context } from 'koa';
import type { ErrorCode } from '../errors.js';
import type { Reach } from './caller.js';
import type { GuardedRoute } from './guard.js';
import type { Scope } from './scopes.js';

/** What routes are about, in the order of the reference, and what is said of each. */
export const TAGS = {
  Events: 'Send events and user properties.',
  Analytics: 'For clients of Segment, RudderStack and Jitsu.',
  Decisions: 'What is decided about a subject.',
  Batches: 'What became of a batch.',
  Subscriptions: 'Look at subscriptions, and pause, resume or drain them.',
  Pull: 'Consume the events of a pull subscription.',
  'Dead letters': 'Events that could not be delivered: look at, redrive, discard or export them.',
  Tenants: 'Create, change and delete tenants and their subscriptions, while Headgate runs. For operators.',
  Secrets: 'Make, rotate and revoke what signs webhooks or stands in their headers. For operators.',
  Sources: 'Who sends with write keys, and what. For operators.',
  'Audit log': 'Who did what.',
  Replays: 'Deliver kept events again, or decide on them again.',
  Usage: 'What the tenant has used, and what that costs.',
  Status: 'See what fails, what waits, and what to do about it.',
  Operation: 'For those who run Headgate: health, metrics, and this description. They need no token.',
} as const;

/** A request that a route takes, and its answer. Each is run against a real server by the tests. */
export interface RouteExample {
  /** Of those of a route, in kebab case. */
  readonly name: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A text is sent as it is. */
  readonly body?: unknown;
  /** Default: the first that the body may have. */
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the one of the route's answer. */
  readonly status?: number;
  readonly answer?: unknown;
}

/** The body of a route's requests. */
interface RouteBody {
  readonly schema: Schema;
  /** Default: `application/json` alone. */
  readonly mediaTypes?: readonly string[];
  /** True where a request without a body counts as `{}`. */
  readonly optional?: boolean;
  /**
   * Reads and checks it, where not as all others are: by its schema. `raw`: the handler reads it, and the schema says what
   * it takes.
   */
  readonly read?: 'raw' | ((body: Buffer) => unknown);
}

/** What a route answers when all is well. */
interface RouteAnswer {
  readonly status: number;
  readonly description: string;
  /** Of the body; of NDJSON, of a line. Absent where the answer is not JSON. */
  readonly schema?: Schema;
  /** Default `application/json`. */
  readonly mediaType?: string;
  /** Further statuses with the same body, and what they mean. */
  readonly others?: Readonly<Record<number, string>>;
  /** Headers of the answer, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** All that can be said of a route without its handler. */
export interface RouteShape extends GuardedRoute {
  /** `operationId` of the OpenAPI document. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its parameters in braces: `/v1/batches/{id}`. */
  readonly path: string;
  /** Other paths by which it is asked for. */
  readonly aliases?: readonly string[];
  readonly tag: keyof typeof TAGS;
  /** Absent where no token is needed. */
  readonly scope?: Scope;
  readonly summary: string;
  readonly description: string;
  /** The parameters of its path. They are described; the handler says which there are. */
  readonly params?: Readonly<Record<string, Schema>>;
  readonly query?: ObjectSchema;
  /** Headers of the request that it knows, besides those of all routes. */
  readonly headers?: Readonly<Record<string, Schema>>;
  readonly body?: RouteBody;
  readonly answer: RouteAnswer;
  /** Its own codes of errors, beside those of all routes that are like it. */
  readonly errors?: readonly ErrorCode[];
  readonly examples: readonly RouteExample[];
}

/** A handler has written the answer itself. */
export const ANSWERED = Symbol('answered');

/** Who calls a handler. */
export interface CallCaller {
  /** `nobody` where no token is needed. */
  readonly role: 'tenant' | 'operator' | 'nobody';
  /** The subject of the token; empty where none is needed. */
  readonly subject: string;
  /** What the call may show or change: the tenant that it is about, or all that an operator reaches. */
  readonly reach: Reach;
}

/** A request as a handler gets it: let through by the guard, its query and body checked. */
export interface Call<S extends RouteShape> {
  readonly ctx: Context;
  /**
   * The tenant that it is about: of the token, or named by an operator. Undefined where an operator asks for all that it
   * reaches; empty where no token is needed.
   */
  readonly tenant: S['tenantIn'] extends string
    ? string
    : S['audience'] extends 'operator' | 'either'
      ? string | undefined
      : string;
  readonly caller: CallCaller;
  readonly params: Readonly<Record<keyof S['params'] & string, string>>;
  readonly query: S['query'] extends ObjectSchema ? Wire<S['query']> : undefined;
  readonly body: S['body'] extends { readonly schema: infer B extends Schema } ? Wire<B> : undefined;
}

type Answer<S extends RouteShape> =
  typeof ANSWERED | (S['answer'] extends { readonly schema: infer B extends Schema } ? Wire<B> : never);

/** A route: all that is to be known of it, and what it does with what of the server. */
export interface Route<Services> extends RouteShape {
  readonly handle: (services: Services, call: Call<RouteShape>) => Promise<unknown>;
}

/**
 * Makes a route.
 * @param handle answers a request with what becomes its JSON, or {@link ANSWERED}
 */
export function route<const S extends RouteShape, Services>(
  shape: S,
  handle: (services: Services, call: Call<S>) => Promise<Answer<S>>,
): Route<Services> {
  return { ...shape, handle: handle as unknown as Route<Services>['handle'] };
}
