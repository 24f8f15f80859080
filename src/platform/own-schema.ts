import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';

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

/**
 * What a validator of own schemas found, the last of it: what is wrong, and where (`maxMessages must be >= 1`). A text with a
 * pattern may say in its `$comment` what it must be, in words.
 */
export function whatIsWrong(errors: readonly ErrorObject[] | null | undefined): string {
  const [{ instancePath = '', message = 'unknown', params = {}, keyword, parentSchema } = {} as ErrorObject] =
    errors?.slice(-1) ?? [];
  const { additionalProperty, allowedValues } = params as {
    additionalProperty?: string;
    allowedValues?: string[];
  };
  if (additionalProperty !== undefined) return `"${additionalProperty.slice(0, 100)}" is not known here`;
  const where = instancePath === '' ? 'it' : instancePath.slice(1).replaceAll('/', '.');
  // What alternatives have in common is said in words alone.
  if (keyword === 'anyOf') return `${where} must be ${(parentSchema as { description: string }).description}`;
  const { $comment: form } = (parentSchema ?? {}) as { $comment?: string };
  if (keyword === 'pattern' && form !== undefined) return `${where} must be ${form}`;
  return `${where} ${message}${allowedValues === undefined ? '' : `: ${allowedValues.join(', ')}`}`;
}
