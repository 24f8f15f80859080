import { isAlias, isMap, isScalar, isSeq, parseDocument, YAMLSeq, type Document, type YAMLMap } from 'yaml';
import { HeadgateError, messageOf } from '../../errors.js';

/** What is done to one subscription of a tenant's file. */
export type SubscriptionEdit =
  | {
      readonly name: string;
      /** All of it, but its name: it takes the place of what is there. */
      readonly subscription: Readonly<Record<string, unknown>>;
      /** What it gets: routes without `to`. They replace those that lead to it alone. Default: routes stay. */
      readonly routes?: readonly Readonly<Record<string, unknown>>[];
    }
  | { readonly name: string; readonly subscription?: undefined };

/** A file that was edited, and whether the subscription was in it before. */
export interface Edited {
  readonly text: string;
  readonly wasThere: boolean;
}

/**
 * Puts a subscription into a tenant's file or takes it out, with the routes that lead to it. All else stays, comments
 * included, but for white space. The text is not checked.
 * @throws HeadgateError `TENANT_CONFIG_INVALID`: the file cannot be edited
 */
export function editSubscription(text: string, edit: SubscriptionEdit): Edited {
  const document = parseDocument(text);
  const { name, subscription } = edit;
  const all = listIn(document, 'subscriptions');
  const at = all.items.findIndex((item) => textAt(document, item, 'name') === name);
  if (subscription === undefined) {
    if (at >= 0) all.delete(at);
    leaveOut(document, name);
  } else {
    const node = document.createNode({ name, ...subscription });
    const before = mapOf(document, all.items[at]);
    if (before !== undefined) Object.assign(node, pick(before));
    if (at >= 0) all.set(at, node);
    else all.add(node);
    if (edit.routes !== undefined) lead(document, name, edit.routes);
  }
  // Otherwise what is added to `[]` would stand in one line.
  for (const key of ['subscriptions', 'routes']) tidy(document, key);
  return { text: written(document), wasThere: at >= 0 };
}

/** What was said of it stays, as does an empty line before it. */
function pick({ commentBefore, comment, spaceBefore }: YAMLMap): Partial<YAMLMap> {
  return { commentBefore, comment, spaceBefore };
}

function written(document: Document): string {
  try {
    return document.toString({ lineWidth: 0 });
  } catch (error) {
    const message = `What is asked cannot be written into the tenant's file: ${messageOf(error)}.`;
    throw new HeadgateError('TENANT_CONFIG_INVALID', message, { cause: error });
  }
}

/** Takes a subscription out of all routes, and with it those that lead nowhere else. */
function leaveOut(document: Document, name: string): void {
  const routes = listIn(document, 'routes');
  for (const [index, route] of [...routes.items.entries()].reverse()) {
    const to = targetsOf(document, route);
    for (const [place, item] of [...(to?.items.entries() ?? [])].reverse())
      if (isScalar(item) && item.value === name) to?.delete(place);
    if (to?.items.length === 0) routes.delete(index);
  }
}

function lead(document: Document, name: string, added: readonly object[]): void {
  const routes = listIn(document, 'routes');
  for (const [index, route] of [...routes.items.entries()].reverse()) {
    const to = targetsOf(document, route)?.items ?? [];
    if (to.length === 1 && isScalar(to[0]) && to[0].value === name) routes.delete(index);
  }
  for (const route of added) routes.add(document.createNode({ ...route, to: [name] }));
}

/** The list of a key of the file; made if it is not there. Anything else in its place is left to the check of the file. */
function listIn(document: Document, key: string): YAMLSeq {
  const found = resolved(document, document.get(key, true));
  if (isSeq(found)) return found;
  const made = new YAMLSeq();
  if (isMap(document.contents) && (found === undefined || isNothing(found))) document.set(key, made);
  return made;
}

/** A list that is empty is left out; one that has become longer is written a line each. */
function tidy(document: Document, key: string): void {
  const found = document.get(key, true);
  if (!isSeq(found)) return;
  if (found.items.length === 0 && !found.anchor) document.delete(key);
  else if (found.items.some((item) => isMap(item) && item.flow !== true)) found.flow = false;
}

const isNothing = (node: unknown): boolean => isScalar(node) && node.value === null;

function targetsOf(document: Document, route: unknown): YAMLSeq | undefined {
  const map = mapOf(document, route);
  const to = resolved(document, map?.get('to', true));
  return isSeq(to) ? to : undefined;
}

function textAt(document: Document, item: unknown, key: string): unknown {
  const value = resolved(document, mapOf(document, item)?.get(key, true));
  return isScalar(value) ? value.value : undefined;
}

function mapOf(document: Document, node: unknown): YAMLMap | undefined {
  const found = resolved(document, node);
  return isMap(found) ? found : undefined;
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}
