import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import bytes from 'bytes';
import ipaddr from 'ipaddr.js';
import { systemCodeOf } from './errors.js';
import { ALL_FAULT_POINTS, type FaultPoint } from './fault-point.js';
import { parseMasterKey } from './stores/batch-keys/master-key.js';
import { isLoopback } from './loopback.js';
import type { VariableName } from './reference/variables.js';
import { parseDuration } from './tenant-config/units.js';
import { parseAllowedQueue, type AllowedQueue } from './tenant-config/workflow-queue.js';
import type { GcsPlace } from './stores/batch-store/gcs.js';
import { parsePostgresUrl, type PostgresPlace } from './stores/state/postgres-place.js';

/** A range of IP addresses: its first address, and how many leading bits count. */
export type AddressRange = ReturnType<typeof ipaddr.parseCIDR>;

/** Names that need no escape anywhere, and no part of a prefix that begins with a dot. */
const BUCKET = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/((?:[\w-][\w.=-]*\/)*[\w-][\w.=-]*))?\/?$/;

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

  private read(name: VariableName, form: string, fallback?: string): string | undefined {
    this.variables.set(name, { form, fallback });
    const value = this.env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  private refuse(name: VariableName, value: string | undefined): void {
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

  /** Whoever is on the way of a plain request could answer with keys of their own, and so be every tenant. */
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

  workflowQueues(name: VariableName): readonly AllowedQueue[] {
    const form = "tenants and queues such as UA:bookings,*:shared-*, and no queue of Headgate's own";
    const written = (this.read(name, form)?.split(',') ?? []).map((entry) => entry.trim());
    const parsed = written.map(parseAllowedQueue);
    const wrong = parsed.indexOf(undefined);
    if (wrong >= 0) this.refuse(name, written[wrong]);
    return parsed.flatMap((each) => each ?? []);
  }

  endpoint(name: VariableName): string | undefined {
    const value = this.read(name, 'a URL such as http://127.0.0.1:4443');
    if (value !== undefined && !/^https?:\/\/[^/]+$/.test(value)) this.refuse(name, value);
    return value;
  }

  address(name: VariableName): string | undefined {
    const value = this.read(name, 'a host and a port such as 127.0.0.1:9060');
    if (value !== undefined && !/^[A-Za-z0-9.-]+:\d{1,5}$/.test(value)) this.refuse(name, value);
    return value;
  }

  bucket(name: VariableName, endpointName: VariableName): GcsPlace | undefined {
    const value = this.read(name, 'gs://bucket or gs://bucket/prefix');
    const endpoint = this.endpoint(endpointName);
    if (value === undefined) return undefined;
    const [, bucket, prefix = ''] = BUCKET.exec(value) ?? [];
    if (bucket !== undefined) return { bucket, prefix, endpoint };
    this.refuse(name, value);
    return undefined;
  }

  /** Says nothing of the value: it is a secret, or what was meant to be one. */
  masterKey(name: VariableName): KeyObject | undefined {
    const form =
      '32 bytes in base64, as `openssl rand -base64 32` prints them, or file:PATH of a file that has them';
    const value = this.read(name, form);
    if (value === undefined) return undefined;
    try {
      const text = value.startsWith('file:') ? readFileSync(value.slice('file:'.length), 'utf8') : value;
      const key = parseMasterKey(text.trim());
      if (key !== undefined) return key;
      this.problems.push(`${name} must be ${form}.`);
    } catch (error) {
      const reason = systemCodeOf(error);
      if (reason === undefined) throw error;
      this.problems.push(`${name} must be file:PATH of a file that can be read (${reason}).`);
    }
    return undefined;
  }

  postgres(name: VariableName, passwordName: VariableName): PostgresPlace | undefined {
    const value = this.read(name, 'a URL such as postgres://user@host:5432/database');
    const password = this.text(passwordName);
    if (value === undefined) return undefined;
    const place = parsePostgresUrl(value, password);
    if (!('problem' in place)) return place;
    // The value stays out of it: it may hold a password.
    this.problems.push(`${name} ${place.problem}.`);
    return undefined;
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

  oneOf<T extends string>(name: VariableName, allowed: readonly T[], fallback: T): T {
    const value = this.read(name, `one of ${allowed.join(', ')}`, fallback);
    if (value === undefined) return fallback;
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    this.refuse(name, value);
    return fallback;
  }
}
