import { invalid } from '../fault.js';
import { Optional, Uint, isMap, sizeOf } from '../runtime-value.js';
import { Duration } from '../duration.js';
import { define } from './overload.js';

function isZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    if (value instanceof Uint) return value.value === 0n;
    if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
    if (value instanceof Duration) return value.seconds === 0 && value.nanos === 0;
    return isMap(value) && sizeOf(value) === 0;
  }
  return !value;
}

const valueOf = (optional: unknown) => (optional as Optional).value;

/** Values that may be absent. */
export const OPTIONALS = define({
  'optional.none() -> optional_type': () => Optional.NONE,
  'optional.of(dyn) -> optional_type': ([value]) => new Optional(value),
  'optional.ofNonZeroValue(dyn) -> optional_type': ([value]) =>
    isZero(value) ? Optional.NONE : new Optional(value),
  'optional_type.hasValue() -> bool': ([optional]) => valueOf(optional) !== undefined,
  'optional_type.or(optional_type) -> optional_type': ([optional, other]) =>
    valueOf(optional) === undefined ? other : optional,
  'optional_type.orValue(dyn) -> dyn': ([optional, other]) => {
    const value = valueOf(optional);
    return value === undefined ? other : value;
  },
  'optional_type.value() -> dyn': ([optional]) => {
    const value = valueOf(optional);
    return value === undefined ? invalid('the optional has no value') : value;
  },
});
