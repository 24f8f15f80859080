import type { ValidateFunction } from 'ajv';
import type { EventRow } from '../events/event.js';
import type { EventSchemaConfig, SchemaMode } from './schema-config.js';

/** Where an event's data does not fit its schema, and how. */
export interface SchemaProblem {
  /** JSON pointer into `data`; empty for all of it. At most 512 characters. */
  readonly pointer: string;
  /** In ajv's words, of the schema's values and never the event's. At most 512 characters. */
  readonly message: string;
}

/** Names in data and in schemas can be long. */
const MAX_TEXT = 512;

/** A schema, compiled. */
export class EventSchema {
  constructor(
    readonly config: EventSchemaConfig,
    private readonly validate: ValidateFunction,
  ) {}

  get mode(): SchemaMode {
    return this.config.mode;
  }

  /** The first problem of an event; undefined for one that fits. What is not JSON (`data_base64`) counts as no data. */
  problemOf({ data }: Pick<EventRow, 'data'>): SchemaProblem | undefined {
    if (data === undefined) return { pointer: '', message: 'is missing' };
    if (this.validate(data)) return undefined;
    const [error] = this.validate.errors ?? [];
    const { additionalProperty, unevaluatedProperty } = (error?.params ?? {}) as Record<string, unknown>;
    const surplus = additionalProperty ?? unevaluatedProperty;
    const pointer = `${error?.instancePath ?? ''}${typeof surplus === 'string' ? `/${escaped(surplus)}` : ''}`;
    return { pointer: short(pointer), message: short(error?.message ?? 'does not fit the schema') };
  }
}

/** The schemas of a tenant. */
export class EventSchemas {
  private readonly types = new Map<string, Map<string | undefined, EventSchema>>();

  constructor(readonly list: readonly EventSchema[]) {
    for (const schema of list) {
      const { type, dataschema } = schema.config;
      const versions = this.types.get(type) ?? new Map<string | undefined, EventSchema>();
      this.types.set(type, versions.set(dataschema, schema));
    }
  }

  /** The schema of an event: of its `dataschema`, or else of its type; undefined where it has none. */
  find({ type, dataschema }: Pick<EventRow, 'type' | 'dataschema'>): EventSchema | undefined {
    const versions = this.types.get(type);
    return versions?.get(dataschema) ?? versions?.get(undefined);
  }
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Not cut within a surrogate pair. */
function short(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1).toWellFormed()}…`;
}
