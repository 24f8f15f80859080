import Table from 'cli-table3';
import { stringify } from 'yaml';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import {
  inferFields,
  type FieldTally,
  type KeptFields,
  type TypeTally,
} from '../schema-trials/infer-fields.js';
import { promotionsOf, suggestions, suggestType } from '../schema-trials/suggest.js';
import { dataPaths, openBatchStore } from '../roles/stores.js';
import { writeField } from '../events/promoted-field.js';
import type { PromotionConfig, RawPromotion } from '../tenants/config/promotion.js';
import { readTenantFile, tenantFileName } from '../tenants/config/tenant-file.js';
import { assertTenantId } from '../tenants/ids.js';
import { cell, print, printError } from './terminal-text.js';
import { HOUR_MS } from '../platform/time.js';

/** What to look at. */
export interface InferOptions {
  /** Events received in that many hours until now. */
  readonly hours: number;
  readonly json: boolean;
}

const PROGRESS_EVERY_MS = 2_000;

/** Shows what is in a tenant's kept events, and what of it might be promoted. */
export async function showInferred(tenant: string, { hours, json }: InferOptions): Promise<void> {
  const config = loadConfig();
  const promoted = await promotedBy(dataPaths(config.dataDir).tenants, assertTenantId(tenant));
  const to = Date.now();
  const from = to - hours * HOUR_MS;
  const store = await openBatchStore(config);
  const kept = await inferFields({ store, tenant, from, to, onRead: progress() });
  const suggested = suggestions(kept, promoted);
  const promote = promotionsOf(suggested, promoted);
  const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  print(
    json
      ? `${JSON.stringify({ tenant, ...range, ...withTypes(kept), promote }, undefined, 2)}\n`
      : [
          `${tenant}: ${number(kept.events)} events received from ${range.from} to ${range.to}\n`,
          report(kept, promote),
        ].join(''),
  );
}

/** Nothing for a tenant that is not configured any more: its events may still be kept. */
async function promotedBy(dir: string, tenant: string): Promise<readonly PromotionConfig[]> {
  try {
    return (await readTenantFile(dir, tenantFileName(tenant))).config.warehouse.promote ?? [];
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'FILE_UNREADABLE') return [];
    throw error;
  }
}

function withTypes({ types, ...counts }: KeptFields) {
  return {
    ...counts,
    types: types.map(({ fields, ...type }) => ({
      ...type,
      fields: fields.map(({ path, ...field }) => ({
        field: writeField(path),
        ...field,
        ...suggestType(field.kinds),
      })),
    })),
  };
}

function report(
  { types, typesLeftOut, fieldsLeftOut, unreadable }: KeptFields,
  promote: RawPromotion[],
): string {
  const rest: [count: number, what: string][] = [
    [typesLeftOut, 'events are of more types than are looked at.'],
    [fieldsLeftOut, 'values are of more fields, or deeper ones, than are looked at.'],
    [unreadable, 'batch files could not be read.'],
  ];
  return [
    ...types.map(typeText),
    ...rest.flatMap(([count, what]) => (count === 0 ? [] : [`${number(count)} ${what}\n`])),
    promote.length === 0 ? 'There is nothing more to promote.\n' : `${block(promote)}\n`,
  ].join('\n');
}

function typeText({ stream, type, events, fields }: TypeTally): string {
  const table = new Table({
    head: ['field', 'events', 'values', 'suggested', 'clashes', 'longest', 'such as'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'left', 'left', 'right', 'right', 'left'],
  });
  for (const field of fields) table.push(fieldRow(field, events));
  return `${cell(type)} (${stream}): ${number(events)} ${events === 1 ? 'event' : 'events'}\n${table.toString()}\n`;
}

function fieldRow({ path, kinds, longest, sample }: FieldTally, events: number): string[] {
  const { type, clashes } = suggestType(kinds);
  const having = Object.values(kinds).reduce((sum, count) => sum + count, 0);
  const seen = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  const values = seen.map(([kind, count]) => (seen.length === 1 ? kind : `${kind} ${number(count)}`));
  return [
    cell(writeField(path), 60),
    percent(having / events),
    values.join(', '),
    type ?? '',
    clashes === 0 ? '' : number(clashes),
    longest === 0 ? '' : number(longest),
    cell(sample, 40),
  ];
}

/** To be pasted into a tenant's file. */
function block(promote: readonly RawPromotion[]): string {
  const items = promote.map((each) => stringify(each, { collectionStyle: 'flow', lineWidth: 0 }).trim());
  return ['warehouse:', '  promote:', ...items.map((item) => `    - ${item}`)].join('\n');
}

/** A line every two seconds: a short look says nothing. */
function progress(): (files: number, events: number) => void {
  let saidAt = Date.now();
  return (files, events) => {
    if (Date.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = Date.now();
    printError(`${number(files)} batch files read, ${number(events)} events`);
  };
}

/** Of few events a share of 0.4 % is not none. */
function percent(share: number): string {
  return share > 0 && share < 0.01 ? '<1%' : `${Math.floor(share * 100)}%`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
