import assert from 'node:assert/strict';
import { Ajv } from 'ajv';
import { Components } from '../../src/api/openapi/components.js';
import { openApiDocument } from '../../src/api/openapi/document.js';
import { statusOf } from '../../src/api/problem.js';
import { errorsOf } from '../../src/api/route-errors.js';
import { ROUTES } from '../../src/api/routes.js';
import { SCOPES } from '../../src/api/scopes.js';
import { problemSchema } from '../../src/api/schemas/problem.js';
import { HeadgateError, type ErrorCode } from '../../src/errors.js';
import { closed, text } from '../../src/platform/json-schema.js';

const ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true });

describe('the routes', () => {
  for (const route of ROUTES) {
    it(`${route.id} has errors that clients can get, and examples that fit its schemas, closed as they are`, () => {
      for (const code of errorsOf(route)) assert.notEqual(statusOf(new HeadgateError(code, '')), 500, code);
      for (const { name, body, answer, status = route.answer.status } of route.examples) {
        if (body !== undefined) assertFits(route.body!.schema, body, name);
        if (answer === undefined) continue;
        if (typeof answer === 'string') {
          assert.equal(route.answer.mediaType, 'text/plain', name);
          continue;
        }
        const { code } = answer as { code: ErrorCode };
        assertFits(status < 400 ? route.answer.schema! : problemSchema([code]), answer, name);
      }
      assert.ok(route.examples.length > 0);
    });
  }

  it('ask for every scope that there is, but admin, which includes them', () => {
    const asked = new Set(ROUTES.flatMap(({ scope }) => scope ?? []));
    assert.deepEqual([...asked].sort(), SCOPES.filter((each) => each !== 'admin').sort());
  });

  it('leave answers open for what later versions add, and requests closed', () => {
    const { components } = openApiDocument(ROUTES, '1') as {
      components: { schemas: Record<string, { additionalProperties?: unknown }> };
    };
    assert.equal(components.schemas.Batch!.additionalProperties, undefined);
    assert.equal(components.schemas.ReplayRequest!.additionalProperties, false);
  });
});

describe('components of the document', () => {
  it('of one name are one schema', () => {
    const components = new Components();
    components.request(closed({ a: text() }, { title: 'Thing' }));
    components.request(closed({ a: text() }, { title: 'Thing' }));
    assert.deepEqual(Object.keys(components.all().schemas), ['Thing']);
    assert.throws(() => components.request(closed({ b: text() }, { title: 'Thing' })), /called Thing/);
  });
});

function assertFits(schema: object, value: unknown, name: string): void {
  const validate = ajv.compile(schema);
  assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}`);
}
