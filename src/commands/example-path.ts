import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The examples that come with Headgate. */
export const EXAMPLES_DIR = fileURLToPath(new URL('../../examples/', import.meta.url));

/**
 * Where an example is, as one types it here: `examples/flights` in a checkout, `node_modules/headgate/examples/flights`
 * in a project that has Headgate installed, else the whole path.
 */
export function examplePath(name: string): string {
  const path = `${EXAMPLES_DIR}${name}`;
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}
