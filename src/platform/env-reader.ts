import bytes from 'bytes';
import ipaddr from 'ipaddr.js';
import { ALL_FAULT_POINTS, type FaultPoint } from './fault-point.js';
import { isLoopback } from './loopback.js';
import type { VariableName } from '../reference/variables.js';
import { parseDuration } from './units.js';

/** A range of IP addresses: its first address, and how many leading bits count. */
export type AddressRange = ReturnType<typeof ipaddr.parseCIDR>;

/** Variables of an environment. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a variable may be, and what it is taken for while it is not set. */
export interface VariableForm {
  /** As in "NAME must be …". */
  readonly form: string;
  readonly fallback?: string;
}

/** Reads single variables and collects what is wrong with them, so that all problems are reported at once. */
export class EnvReader {
  readonly problems: string[] = [];
  /** The variables that have been asked for, set or not. */
  readonly variables = new Map<string, VariableForm>();

  constructor(private readonly env: Env) {}

  text(name: VariableName): string | undefined;
  text(name: VariableName, fallback: string): string;
  text(name: VariableName, fallback?: string): string | undefined {
    return this.read(name, 'text', fallback) ?? fallback;
  }

  protected read(name: VariableName, form: string, fallback?: string): string | undefined {
    this.variables.set(name, { form, fallback });
    const value = this.env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  protected refuse(name: VariableName, value: string | undefined): void {
    this.problems.push(`${name} must be ${this.variables.get(name)!.form}, not "${value}".`);
  }

  integer(name: VariableName, fallback: number, min: number, max: number): number {
    return this.wholeNumber(name, min, max, fallback) ?? fallback;
  }

  optionalInteger(name: VariableName, min: number, max: number): number | undefined {
    return this.wholeNumber(name, min, max);
  }

  private wholeNumber(name: VariableName, min: number, max: number, fallback?: number): number | undefined {
    const value = this.read(name, `a whole number from ${min} to ${max}`, fallback?.toString());
    if (value === undefined) return undefined;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.refuse(name, value);
    return undefined;
  }

  size(name: VariableName, fallback: number): number {
    const value = this.read(name, 'a size such as 512MB or 4GB', bytes.format(fallback) ?? undefined);
    if (value === undefined) return fallback;
    const size = /^\d+(\.\d+)?\s*(b|kb|mb|gb|tb)$/i.test(value) ? bytes.parse(value) : null;
    if (size !== null && size > 0) return size;
    this.refuse(name, value);
    return fallback;
  }

  duration(name: VariableName): number | undefined {
    const value = this.read(name, 'a duration such as 15m or 1h');
    const duration = parseDuration(value);
    if (value !== undefined && (duration === undefined || duration <= 0)) this.refuse(name, value);
    return duration;
  }

  /** A machine on the way of a plain request could answer with keys of their own, and so be every tenant. */
  keySet(name: VariableName): string | undefined {
    const value = this.read(name, "an https URL, or a file's path");
    if (value === undefined || !/^https?:/i.test(value)) return value;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || (url.protocol === 'http:' && !isLoopback(url.hostname)))
      this.refuse(name, value);
    return value;
  }

  ranges(name: VariableName): readonly AddressRange[] {
    const written = this.read(name, 'address ranges such as 10.1.0.0/16,fd00::/8')?.split(',') ?? [];
    const isRange = (range: string): boolean => ipaddr.isValidCIDR(range) && !/^\d+\//.test(range);
    const wrong = written.map((range) => range.trim()).filter((range) => !isRange(range));
    if (wrong.length === 0) return written.map((range) => ipaddr.parseCIDR(range.trim()));
    this.refuse(name, wrong[0]);
    return [];
  }

  endpoint(name: VariableName): string | undefined {
    const value = this.read(name, 'a URL such as http://127.0.0.1:4443');
    if (value !== undefined && !/^https?:\/\/[^/]+$/.test(value)) this.refuse(name, value);
    return value;
  }

  /** Says nothing of the value: a URL may have a password. */
  url(name: VariableName): string | undefined {
    const value = this.read(name, 'an http or https URL such as http://127.0.0.1:4318');
    if (value === undefined || (/^https?:/i.test(value) && URL.canParse(value))) return value;
    this.problems.push(`${name} must be ${this.variables.get(name)!.form}.`);
    return undefined;
  }

  ratio(name: VariableName, fallback: number): number {
    const value = this.read(name, 'a number from 0 to 1', fallback.toString());
    if (value === undefined) return fallback;
    if (/^(0(\.\d+)?|1(\.0+)?)$/.test(value)) return Number(value);
    this.refuse(name, value);
    return fallback;
  }

  address(name: VariableName): string | undefined {
    const value = this.read(name, 'a host and a port such as 127.0.0.1:9060');
    if (value !== undefined && !/^[A-Za-z0-9.-]+:\d{1,5}$/.test(value)) this.refuse(name, value);
    return value;
  }

  fault(name: VariableName): { readonly point: FaultPoint; readonly passes: number } | undefined {
    const value = this.read(name, 'a fault point such as plan.after:3');
    if (value === undefined) return undefined;
    const [, named, passes = '1'] = /^([a-z.-]+)(?::([1-9]\d{0,5}))?$/.exec(value) ?? [];
    const point = ALL_FAULT_POINTS.find((each) => each === named);
    if (point !== undefined) return { point, passes: Number(passes) };
    this.refuse(name, value);
    return undefined;
  }

  oneOf<T extends string>(name: VariableName, allowed: readonly T[]): T | undefined;
  oneOf<T extends string>(name: VariableName, allowed: readonly T[], fallback: T): T;
  oneOf<T extends string>(name: VariableName, allowed: readonly T[], fallback?: T): T | undefined {
    const value = this.read(name, `one of ${allowed.join(', ')}`, fallback);
    if (value === undefined) return fallback;
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    this.refuse(name, value);
    return fallback;
  }
}
