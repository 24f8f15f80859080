import { LineCounter, parseDocument } from 'yaml';
import { writeField } from '../../events/promoted-field.js';
import { invalidFile, type ConfigIssue } from './invalid-file.js';
import { complete } from '../complete.js';
import {
  completePromotions,
  PROMOTE,
  promotionIssues,
  type PromotionConfig,
  type RawPromotion,
} from './promotion.js';
import type { TenantFile } from './tenant-file.js';
import { listVersions, readVersionText } from './versions.js';
import { offsetOfValue, valuesOf } from './yaml-document.js';

/** A promoted field as an earlier configuration had it. */
interface Earlier {
  readonly promotion: PromotionConfig;
  readonly version: string;
}

/**
 * Asserts that each promoted field's column means what it has meant in every configuration of the tenant that is kept: the
 * same field, of the same type. Rows have been loaded with it, or may have been, and no warehouse changes a column's type.
 * @param versions where configurations are kept
 * @param fileName what to call the file in messages
 * @throws HeadgateError `TENANT_CONFIG_INVALID`, with `details.issues`
 */
export async function assertColumnsKept(
  versions: string,
  { config, text, version }: Pick<TenantFile, 'config' | 'text' | 'version'>,
  fileName: string,
): Promise<void> {
  const { promote = [] } = config.warehouse;
  if (promote.length === 0) return;
  const earlier = await earlierColumns(versions, config.tenant, version);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const issues = promote.flatMap((promotion, index): ConfigIssue[] => {
    const before = earlier.get(nameOf(promotion));
    if (before === undefined || isSame(before.promotion, promotion)) return [];
    const { line, col } = lines.linePos(offsetOfValue(document, ['warehouse', 'promote', index]));
    const message = `warehouse.promote.${index}: ${problemOf(promotion, before)}`;
    return [{ line, column: col, message }];
  });
  if (issues.length === 0) return;
  throw invalidFile(fileName, issues);
}

/** By stream and column, from the configuration applied last that has it. The one that is in force has been checked. */
async function earlierColumns(
  versions: string,
  tenant: string,
  current: string,
): Promise<Map<string, Earlier>> {
  const found = new Map<string, Earlier>();
  const kept = await listVersions(versions, tenant);
  if (kept[0]?.version === current) return found;
  for (const { version } of kept) {
    const text = await readVersionText(versions, tenant, version).catch(() => '');
    for (const promotion of promotionsIn(text)) {
      const name = nameOf(promotion);
      if (!found.has(name)) found.set(name, { promotion, version });
    }
  }
  return found;
}

/** What a text promotes, even if other things in it are not valid any more. */
function promotionsIn(text: string): PromotionConfig[] {
  try {
    const raw = valuesOf(parseDocument(text)) as {
      warehouse?: { promote?: RawPromotion[] };
    };
    const promotions = completePromotions(complete(PROMOTE, raw?.warehouse?.promote ?? []));
    return promotionIssues(promotions).length === 0 ? promotions : [];
  } catch {
    return [];
  }
}

function problemOf({ column, type }: PromotionConfig, { promotion: before, version }: Earlier): string {
  return (
    `the column ${column} has the ${before.type} of ${writeField(before.path)} by an earlier configuration, ` +
    `version ${version}; give this field another column, such as ${column}_${type}`
  );
}

const nameOf = ({ stream, column }: PromotionConfig): string => `${stream}/${column}`;

function isSame(a: PromotionConfig, b: PromotionConfig): boolean {
  return a.type === b.type && JSON.stringify(a.path) === JSON.stringify(b.path);
}
