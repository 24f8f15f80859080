import type { Target } from './target.js';

/** One way in which a tenant, or nobody, takes from what all share. It is within the documented limits. */
export interface HostileKind {
  readonly name: string;
  /** What it does, in words. */
  readonly does: string;
  /** Parts of the tenant's file. */
  readonly file?: Readonly<Record<string, unknown>>;
  /** Attacks until the target has it end. */
  readonly attack: (target: Target) => Promise<void>;
}

const ON = ['hostile'];
const rule = (name: string, when: string) => ({ name, on: ON, when });
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const fill = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));

/** Of events with one field, a request that brings so many. */
const several = (target: Target, count: number): object[] => fill(count, (n) => target.event({ n }));

const QUEUES = ['one', 'two', 'three'];
/** More than a node of this case has connections for. */
const HELD_CONNECTIONS = 1_200;

/** What expressions, schemas and profiles of one tenant cost the node. */
const CONFIGURATIONS: readonly HostileKind[] = [
  {
    name: 'nested macros',
    does: 'a rule with a macro within a macro over a list of 1,000 numbers, 5 events a second',
    file: {
      rules: [rule('nested', 'event.data.list.exists(x, event.data.list.exists(y, x + y < 0))')],
    },
    attack: (target) => target.over(1, 200, () => target.post([target.event({ list: numbers(1_000) })])),
  },
  {
    name: 'long texts',
    does: 'a rule with matches() and a plain pattern on texts of 200,000 characters, 20 events a second',
    file: { rules: [rule('text', 'event.data.text.matches("^[a-z ]+[0-9]$")')] },
    attack: (target) => {
      const text = 'a few words '.repeat(16_000);
      return target.over(1, 50, () => target.post([target.event({ text })]));
    },
  },
  {
    name: 'many rules',
    does: '500 rules of two comparisons, on 2,500 events in a request, twice a second',
    file: {
      rules: fill(500, (n) => rule(`rule_${n}`, `event.data.n > ${n} && event.data.n < ${n + 2}`)),
    },
    attack: (target) => target.over(1, 500, () => target.post(several(target, 2_500))),
  },
  {
    name: 'many routes',
    does: '1,000 routes with a filter of two comparisons, on 2,500 events in a request, twice a second',
    file: {
      subscriptions: [{ name: 'one', kind: 'pull' }],
      routes: fill(1_000, (n) => ({
        match: { type: 'hostile', when: `event.data.n < 0 && event.data.n > ${-n - 2}` },
        to: ['one'],
      })),
    },
    attack: (target) => target.over(1, 500, () => target.post(several(target, 2_500))),
  },
  {
    name: 'a wide schema',
    does: 'a schema of 440 alternatives over arrays of 2,000 numbers, 4 events in a request',
    file: {
      schemas: [
        {
          type: 'hostile',
          schema: {
            type: 'object',
            properties: { list: { type: 'array', items: { anyOf: fill(440, (n) => ({ const: -n - 1 })) } } },
          },
        },
      ],
    },
    attack: (target) =>
      target.over(1, 200, () => target.post(fill(4, () => target.event({ list: numbers(2_000) })))),
  },
  {
    name: 'a growing profile',
    does: 'user properties with 2,000 new keys in each of 5 requests a second, and reads of the profile',
    attack: async (target) => {
      await Promise.all([
        target.over(1, 200, (n) => {
          const data = Object.fromEntries(fill(2_000, (key) => [`key_${n}_${key}`, key]));
          return target.post([target.event(data, { type: 'properties' })], '/v1/user-properties');
        }),
        target.over(4, 50, () => target.ask({ path: '/v1/eligibility/s' })),
      ]);
    },
  },
];

/** What requests and connections cost, whatever a tenant has configured. */
const REQUESTS: readonly HostileKind[] = [
  {
    name: 'long polls',
    does: '1,200 consumers that wait 30 s, of one token on three subscriptions',
    file: { subscriptions: QUEUES.map((name) => ({ name, kind: 'pull' })) },
    attack: (target) => {
      const body = JSON.stringify({ waitMs: 30_000 });
      const heads = QUEUES.map(
        (name) =>
          `POST /v1/subscriptions/${name}/pull HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.token}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      return Promise.all(fill(HELD_CONNECTIONS, (n) => target.hold(heads[n % heads.length]!))).then(ignore);
    },
  },
  {
    name: 'half headers',
    does: '1,200 connections of nobody with half a header each, opened again a second after they are cut',
    attack: (target) =>
      Promise.all(fill(HELD_CONNECTIONS, () => target.hold('POST /v1/events HTTP/1.1\r\nX-Slow: '))).then(
        ignore,
      ),
  },
  {
    name: 'unread exports',
    does: '40 exports of dead letters that are not read, while more dead letters come',
    file: {
      subscriptions: [
        { name: 'nowhere', kind: 'push', url: 'https://127.0.0.1:9/x', retry: { schedule: [] } },
      ],
      routes: [{ match: { type: 'hostile' }, to: ['nowhere'] }],
    },
    attack: async (target) => {
      const head = `GET /v1/dead-letters/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.token}\r\n\r\n`;
      await Promise.all([
        target.over(1, 1_000, () => target.post(several(target, 500))),
        ...fill(40, () => target.hold(head, false)),
      ]);
    },
  },
  {
    name: 'redrives',
    does: 'redrives and discards of many dead letters, 20 side by side, each with another rate',
    attack: (target) =>
      target.over(20, 10, (n) => {
        const body = { filter: {}, eventsPerSecond: 1 + (n % 10_000), reason: 'x' };
        return target.ask({
          method: 'POST',
          path: `/v1/dead-letters/${n % 2 ? 'redrive' : 'discard'}`,
          body,
        });
      }),
  },
  {
    name: 'replays',
    does: 'dry runs of replays of all events, 20 side by side',
    attack: async (target) => {
      await target.post(several(target, 2_500));
      await target.over(20, 10, () =>
        target.ask({ method: 'POST', path: '/v1/replays', body: { rules: 'current', dryRun: true } }),
      );
    },
  },
  {
    name: 'wrong tokens',
    does: 'requests with tokens that are none, 50 side by side',
    attack: (target) => {
      const [head, claims] = target.token.split('.');
      return target.over(50, 0, (n) =>
        target.ask({ path: '/v1/retention', token: `${head}.${claims}.${String(n).padStart(86, 'A')}` }),
      );
    },
  },
  {
    name: 'reads',
    does: 'lists of replays, dead letters and subscriptions, retention and decisions, 60 side by side',
    attack: (target) => {
      const paths = [
        '/v1/replays',
        '/v1/dead-letters',
        '/v1/subscriptions',
        '/v1/retention',
        '/v1/eligibility/s',
      ];
      return target.over(60, 0, (n) => target.ask({ path: paths[n % paths.length]! }));
    },
  },
  {
    name: 'unfinished bodies',
    does: '300 acknowledgements of consumers whose body of 1 MB never comes',
    file: { subscriptions: QUEUES.map((name) => ({ name, kind: 'pull' })) },
    attack: (target) => {
      const head =
        `POST /v1/subscriptions/one/ack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${target.token}\r\n` +
        `Content-Length: 1000000\r\n\r\n`;
      return Promise.all(fill(300, () => target.hold(head))).then(ignore);
    },
  },
];

/** All of them. Their inputs are plain: what is measured is how much of them a node takes on. */
export const HOSTILE: readonly HostileKind[] = [...CONFIGURATIONS, ...REQUESTS];

/** The name of what is measured last: all kinds side by side. */
export const ALL_AT_ONCE = 'all at once';

/** Those of a quick run, which none of them holds up. */
export const QUICK: readonly string[] = ['half headers', 'wrong tokens', 'reads'];

/** The id of a kind's tenant. */
export function hostileTenant({ name }: HostileKind): string {
  return `hostile-${name.replaceAll(' ', '-')}`;
}

/** The file of a kind's tenant, which has the default limits. */
export function hostileFile(kind: HostileKind): string {
  // JSON is YAML, too.
  return JSON.stringify({ tenant: hostileTenant(kind), ...kind.file });
}

function ignore(): void {
  // Nothing to tell.
}
