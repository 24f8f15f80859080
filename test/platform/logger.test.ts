import assert from 'node:assert/strict';
import { createLogger, isLineId } from '../../src/platform/logger.js';
import { prettyLines } from '../../src/platform/pretty-lines.js';
import { LOG_LINES } from '../../src/reference/log-lines/log-lines.js';
import { recordedLog } from '../support/log.js';

describe('the log', () => {
  it('has lines of an id, its phrase and level, and fields', () => {
    const { log, lines } = recordedLog();
    log.warn('LOADS_WAIT_FOR_QUOTA', { tenant: 'UA', reason: 'used up' });
    log.info('STOPPED');
    assert.deepEqual(
      lines.map((line) => ({ ...line, time: undefined })),
      [
        {
          level: 40,
          id: 'LOADS_WAIT_FOR_QUOTA',
          tenant: 'UA',
          reason: 'used up',
          msg: LOG_LINES.LOADS_WAIT_FOR_QUOTA.phrase,
          time: undefined,
        },
        { level: 30, id: 'STOPPED', msg: 'stopped', time: undefined },
      ],
    );
  });

  it('leaves out secrets, however deep they are, of errors as well', () => {
    const { log, lines } = recordedLog();
    const secrets = {
      token: 's3cret',
      nested: { Authorization: 'Bearer s3cret', list: [{ password: 's3cret' }] },
    };
    log.error('INTERNAL_ERROR', { err: Object.assign(new Error('x'), secrets), from: secrets });
    const line = JSON.stringify(lines);
    assert.ok(!line.includes('s3cret'), line);
    assert.equal(line.split('[redacted]').length - 1, 6);
  });

  it('shortens long texts, lists and what is nested without end', () => {
    const { log, lines } = recordedLog();
    const endless: { self?: unknown } = {};
    endless.self = endless;
    log.error('INTERNAL_ERROR', {
      reason: 'x'.repeat(1_000_000),
      paths: Array.from({ length: 10_000 }, () => 'y'.repeat(10)),
      err: new Error('z'.repeat(1_000_000)),
      from: endless,
    });
    assert.equal(String(lines[0]?.reason).length, 4_000);
    assert.equal((lines[0]?.paths as unknown[]).length, 100);
    assert.ok(JSON.stringify(lines).length < 20_000);
  });

  it('keeps a line a line, whatever is in its fields', () => {
    const written: string[] = [];
    const log = createLogger('info', { destination: { write: (line) => void written.push(line) } });
    log.warn('TOKEN_REFUSED', { reason: 'a\n{"level":50,"id":"INTERNAL_ERROR"}\u001b[2J' });
    assert.equal(written.length, 1);
    assert.equal(written[0]?.indexOf('\n'), written[0]!.length - 1);
    assert.ok(!written[0]!.includes('\u001b'));
  });

  it('does not look at fields of a line whose level is off', () => {
    const { log, lines } = recordedLog('error');
    let looked = 0;
    const fields = {
      get reason(): string {
        looked++;
        return 'x';
      },
    };
    log.warn('TOKEN_REFUSED', fields);
    assert.deepEqual([looked, lines], [0, []]);
  });

  it('knows its ids', () => {
    assert.ok(isLineId('READY'));
    assert.ok(!isLineId('toString'));
  });
});

describe('the log at a terminal', () => {
  const shown = (fields: object, color = false): string => {
    let text = '';
    const destination = { write: (line: string) => void (text += line) };
    createLogger('info', { destination, pretty: prettyLines(color) }).error('INTERNAL_ERROR', fields);
    return text;
  };

  it('is a line of time, level, id, phrase and fields', () => {
    assert.match(
      shown({ method: 'GET', path: '/v1' }),
      /^\[\d\d:\d\d:\d\d\.\d{3}\] ERROR: INTERNAL_ERROR: request failed with an internal error \{"method":"GET","path":"\/v1"\}\n$/,
    );
    assert.match(shown({}, true), /\u001b\[31mERROR/);
  });

  it('has the stack of an error', () => {
    assert.match(
      shown({ err: new TypeError('x is not a function') }),
      /TypeError: x is not a function\n +at /,
    );
  });

  it('cannot be commanded by what came from outside', () => {
    const hostile = '\u001b[2J\u009b31m\u202eevil\u0007\r';
    const text = shown({ path: hostile, err: new Error(hostile) });
    assert.doesNotMatch(text, /[^\P{Cc}\n]|\u202e/u);
    assert.match(text, /\\u001b\[2J/);
  });
});
