/** What happens to an event whose data does not fit its schema: it is rejected; it is taken and counted; nothing. */
export type SchemaMode = 'enforce' | 'warn' | 'off';

/** What the data of a tenant's events of one type must look like. */
export interface EventSchemaConfig {
  /** The events' `type`, exactly. */
  readonly type: string;
  /** The events' `dataschema`, exactly: a version of the schema. Default: of all events of the type that no other schema names. */
  readonly dataschema?: string;
  /** Default `enforce`. */
  readonly mode: SchemaMode;
  /** JSON Schema of `data`, of the 2020-12 dialect, or of draft-07 where `$schema` says so. */
  readonly schema: JsonSchema;
}

/** A JSON Schema as written. */
export type JsonSchema = Readonly<Record<string, unknown>>;
