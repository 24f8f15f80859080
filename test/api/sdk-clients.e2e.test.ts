import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EventRow } from '../../src/events/event.js';
import { useTestApi } from '../support/api.js';

/** By their folders in test/sdks, the commands that run the clients that have been built. */
const COMMANDS = JSON.parse(process.env.HEADGATE_TEST_SDKS ?? '{}') as Readonly<Record<string, string[]>>;
/** A client sends some 15 requests; Java takes seconds to start on a busy machine. */
const RUN_WITHIN_MS = 60_000;

/** What an event is stored as, beside its source and type; without a time, that of its receipt or of its sending. */
type Stored = Partial<EventRow>;

const JSON_TYPE = { datacontenttype: 'application/json' };
const text = (data: string): Stored => ({ datacontenttype: 'text/plain', data });
const octets = (datacontenttype: string | undefined, data: string | number[]): Stored => ({
  datacontenttype,
  data_base64: Buffer.from(data as string).toString('base64'),
});
const xml = (datacontenttype: string): Stored => octets(datacontenttype, '<a>é</a>');
const PERSON = { n: 1.5, city: 'Zürich ☃' };
/** In headers a percent sign that encodes something is decoded, also that of an SDK which encodes nothing. */
const [SUBJECT, SUBJECT_IN_HEADER] = ['é ☃ 100% 5%25', 'é ☃ 100% 5%'];

const PYTHON_2: Stored = {
  subject: 'é ☃ 100% "5%25"',
  time: '2026-03-01T11:00:00.123456+05:30',
  data: PERSON,
};
const PYTHON_1: Stored = { time: '2026-03-01T11:00:00.123456+05:30', data: PERSON };
const GO: Stored = {
  ...JSON_TYPE,
  subject: SUBJECT,
  time: '2026-03-01T05:30:00.123456789Z',
  data: PERSON,
  extensions: {
    place: 'Zürich ☃',
    number: 42,
    flag: true,
    octets: 'AP8=',
    due: '2026-03-01T11:00:00.123456789+05:30',
  },
};
const RUST: Stored = {
  ...JSON_TYPE,
  subject: SUBJECT,
  time: '2026-03-01T05:30:00.123456789Z',
  data: PERSON,
  extensions: { place: 'Zürich ☃', number: 42, flag: true },
};
const JAVA: Stored = {
  ...JSON_TYPE,
  subject: SUBJECT,
  time: '2026-03-01T11:00:00.123456789+05:30',
  data: PERSON,
  extensions: { place: 'Zurich', number: 42, flag: true },
};
const JAVA_HEADERS = { place: 'Zurich', number: '42', flag: 'true' };
const FORM = 'application/x-www-form-urlencoded';

/** What each client of test/sdks sends, in its order, and what becomes of it. */
const SENT: Readonly<Record<string, Readonly<Record<string, Stored>>>> = {
  'python-2': {
    'binary é %': { ...PYTHON_2, extensions: { place: '"Zürich ☃"', number: '42', flag: 'True' } },
    'binary-typed': { ...JSON_TYPE, data: { n: 1 }, time: '2026-03-01T11:00:00Z' },
    'binary-text': text('héllo ☃'),
    'binary-text-as-json': { ...JSON_TYPE, data: 'hello' },
    'binary-untyped-text': { data: '[draft] héllo' },
    'binary-octets': octets(undefined, [0, 255, 128]),
    'binary-png': octets('image/png', [0, 255]),
    'binary-empty': {},
    'structured é %': { ...PYTHON_2, extensions: { place: '"Zürich ☃"', number: 42, flag: true } },
    'structured-text': text('héllo'),
    'structured-octets': octets(undefined, [0, 255, 128]),
    'structured-json-octets': { ...JSON_TYPE, data: { città: 1.5 } },
    'structured-empty': {},
  },
  'python-1': {
    binary: { ...PYTHON_1, subject: 'été 100%', extensions: { place: 'Zürich' } },
    'binary-default-time': { data: { n: 1 } },
    'binary-typed': { ...JSON_TYPE, data: { n: 1 }, time: '2026-03-01T10:00:00.5Z' },
    'binary-leap-second': { data: { n: 1 }, time: '2016-12-31T23:59:59Z' },
    // It puts texts into JSON, whatever their type says.
    'binary-text': text('"h\\u00e9llo"'),
    'binary-octets': octets(undefined, [0, 255, 128]),
    'binary-empty': {},
    structured: {
      ...PYTHON_1,
      subject: 'é ☃ 100%',
      extensions: { place: 'Zürich', number: 42, flag: true },
    },
    'structured-octets': octets(undefined, [0, 255, 128]),
    'structured-empty': {},
  },
  go: {
    default: {
      ...GO,
      subject: SUBJECT_IN_HEADER,
      extensions: {
        place: 'Zürich ☃',
        number: '42',
        flag: 'true',
        octets: 'AP8=',
        due: '2026-03-01T05:30:00.123456789Z',
      },
    },
    'binary-text': text('héllo ☃'),
    'binary-xml': xml('application/xml'),
    'binary-octets': octets('application/octet-stream', [0, 255, 128]),
    'binary-empty': {},
    structured: GO,
    'structured-text': text('héllo ☃'),
    'structured-xml': xml('text/xml'),
    'structured-octets': octets('application/octet-stream', [0, 255, 128]),
    'structured-empty': {},
    'batch-full': GO,
    'batch-text': text('héllo'),
  },
  rust: {
    binary: {
      ...RUST,
      subject: SUBJECT_IN_HEADER,
      time: '2026-03-01T05:30:00.123456789+00:00',
      extensions: { place: 'Zürich ☃', number: '42', flag: 'true' },
    },
    'binary-text': text('héllo ☃'),
    'binary-text-as-json': { ...JSON_TYPE, data: 'hello' },
    'binary-json-octets': { ...JSON_TYPE, data: { città: 1.5 } },
    'binary-octets': octets('application/octet-stream', [0, 255, 128]),
    'binary-empty': {},
    structured: RUST,
    'structured-text': text('héllo ☃'),
    'structured-xml': { datacontenttype: 'application/xml', data: '<a>é</a>' },
    'structured-json-octets': { ...JSON_TYPE, data: { città: 1.5 } },
    'structured-octets': octets('application/octet-stream', [0, 255, 128]),
    'structured-empty': {},
    'batch-full': RUST,
    'batch-text': text('héllo'),
  },
  java: {
    connection: { ...JAVA, subject: SUBJECT_IN_HEADER, extensions: JAVA_HEADERS },
    'connection-untyped': { data: PERSON },
    'connection-untyped-octets': octets(FORM, [0, 255, 128]),
    'connection-octets': octets('image/png', [0, 255, 128]),
    'connection-empty': {},
    client: { ...JAVA, subject: '100% 5%', extensions: JAVA_HEADERS },
    'client-untyped': { data: PERSON },
    'client-text': text('héllo ☃'),
    'client-octets': octets('image/png', [0, 255, 128]),
    'client-empty': {},
    structured: JAVA,
    'structured-node': { ...JSON_TYPE, data: PERSON },
    'structured-untyped': { data: PERSON },
    'structured-text': octets('text/plain', 'héllo ☃'),
    'structured-xml': xml('application/xml'),
    'structured-octets': octets('image/png', [0, 255, 128]),
    'structured-empty': {},
    'structured-json-octets': { ...JSON_TYPE, data: PERSON },
  },
};

describe('the CloudEvents SDKs of other languages', () => {
  const api = useTestApi();

  for (const [sdk, events] of Object.entries(SENT))
    describe(sdk, () => {
      let answers: string[];
      let rows: readonly EventRow[];
      let began: number;

      before(async function () {
        this.timeout(RUN_WITHIN_MS);
        const command = COMMANDS[sdk];
        if (command === undefined) {
          console.log(`      skipped: \`node scripts/sdk-clients.mjs ${sdk}\` has not built it`);
          return this.skip();
        }
        began = Date.now();
        answers = await run([...command, `${api().url}/v1/events`, await api().token()]);
        await api().drained();
        rows = api()
          .events()
          .filter(({ source }) => source === `/${sdk}`);
      });

      it('has every request taken', () => {
        assert.deepEqual(
          answers,
          Object.keys(events).map((id) => `${id} 202`),
        );
        assert.equal(rows.length, answers.length);
      });

      for (const [id, stored] of Object.entries(events))
        it(`has its event stored: ${id}`, () => {
          const row = rows.find((each) => each.id === id);
          assert.ok(row !== undefined);
          const { received_at: received, time, ...rest } = row;
          if (stored.time !== undefined) assert.equal(time, stored.time);
          else assert.ok(Date.parse(time) >= began && Date.parse(time) <= Date.parse(received), time);
          const known = { specversion: '1.0', id, source: `/${sdk}`, type: 'sent', ...stored };
          assert.deepEqual(rest, JSON.parse(JSON.stringify({ ...known, time: undefined })));
        });
    });
});

/** The lines that a client prints: each event's id and status, and the answer where it was refused. */
async function run([program, ...args]: string[]): Promise<string[]> {
  const env = { ...process.env, NO_PROXY: '*', no_proxy: '*' };
  const { stdout } = await promisify(execFile)(program!, args, { env });
  return stdout
    .trim()
    .split(/\r?\n/)
    .map((line) => line.trim());
}
