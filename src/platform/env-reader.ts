import bytes from 'bytes';
import ipaddr from 'ipaddr.js';
import { ALL_FAULT_POINTS, type FaultPoint } from './fault-point.js';
import { isLoopback } from './loopback.js';
import { parseDuration } from './units.js';

/** A range of IP addresses: its first address, and how many leading bits count. */
export type AddressRange = ReturnType<typeof ipaddr.parseCIDR>;

/** Variables of an environment. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Reads single variables and collects what is wrong with them, so that all problems are reported at once. */
export class EnvReader {
  readonly problems: string[] = [];
  /** Names of the variables that have been asked for, set or not. */
  readonly names = new Set<string>();

  constructor(private readonly env: Env) {}

  text(name: string): string | undefined {
    this.names.add(name);
    const value = this.env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.problems.push(`${name} must be a whole number from ${min} to ${max}, not "${value}".`);
    return fallback;
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    return this.text(name) === undefined ? undefined : this.integer(name, min, min, max);
  }

  size(name: string, fallback: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const size = /^\d+(\.\d+)?\s*(b|kb|mb|gb|tb)$/i.test(value) ? bytes.parse(value) : null;
    if (size !== null && size > 0) return size;
    this.problems.push(`${name} must be a size such as 512MB or 4GB, not "${value}".`);
    return fallback;
  }

  duration(name: string): number | undefined {
    const value = this.text(name);
    const duration = parseDuration(value);
    if (value !== undefined && (duration === undefined || duration <= 0))
      this.problems.push(`${name} must be a duration such as 15m or 1h, not "${value}".`);
    return duration;
  }

  /** Whoever is on the way of a plain request could answer with keys of their own, and so be every tenant. */
  keySet(name: string): string | undefined {
    const value = this.text(name);
    if (value === undefined || !/^https?:/i.test(value)) return value;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || (url.protocol === 'http:' && !isLoopback(url.hostname)))
      this.problems.push(`${name} must be an https URL, or a file's path, not "${value}".`);
    return value;
  }

  ranges(name: string): readonly AddressRange[] {
    const written = this.text(name)?.split(',') ?? [];
    const isRange = (range: string): boolean => ipaddr.isValidCIDR(range) && !/^\d+\//.test(range);
    const wrong = written.map((range) => range.trim()).filter((range) => !isRange(range));
    if (wrong.length === 0) return written.map((range) => ipaddr.parseCIDR(range.trim()));
    this.problems.push(`${name} must be address ranges such as 10.1.0.0/16,fd00::/8, not "${wrong[0]}".`);
    return [];
  }

  endpoint(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^https?:\/\/[^/]+$/.test(value))
      this.problems.push(`${name} must be a URL such as http://127.0.0.1:4443, not "${value}".`);
    return value;
  }

  address(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^[A-Za-z0-9.-]+:\d{1,5}$/.test(value))
      this.problems.push(`${name} must be a host and a port such as 127.0.0.1:9060, not "${value}".`);
    return value;
  }

  fault(name: string): { readonly point: FaultPoint; readonly passes: number } | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const [, named, passes = '1'] = /^([a-z.-]+)(?::([1-9]\d{0,5}))?$/.exec(value) ?? [];
    const point = ALL_FAULT_POINTS.find((each) => each === named);
    if (point !== undefined) return { point, passes: Number(passes) };
    this.problems.push(`${name} must be a fault point such as plan.after:3, not "${value}".`);
    return undefined;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    this.problems.push(`${name} must be one of ${allowed.join(', ')}, not "${value}".`);
    return fallback;
  }
}
