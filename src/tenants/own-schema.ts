import { Ajv, type Options, type ValidateFunction } from 'ajv';

/** A validator of one of Headgate's own schemas; what it found last is on `errors`, as with ajv's own. */
export type OwnValidator<T> = ((value: unknown) => value is T) & Pick<ValidateFunction, 'errors'>;

/**
 * A validator that is compiled when it is first used: most processes use few of them, and compiling all takes as long as
 * a tenth of a start. A schema of our own is not checked against JSON Schema's, which would have to be compiled as well.
 */
export function ownSchema<T>(schema: object, options: Options = {}): OwnValidator<T> {
  let compiled: ValidateFunction<T> | undefined;
  const validate: OwnValidator<T> = (value): value is T => {
    compiled ??= new Ajv({ ...options, validateSchema: false }).compile<T>(schema);
    const valid = compiled(value);
    validate.errors = compiled.errors;
    return valid;
  };
  return validate;
}
