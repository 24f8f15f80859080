import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULE = new URL('../../scripts/layers.mjs', import.meta.url).href;
const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** As its own JSDoc says; scripts have no types. */
interface Module {
  readonly LAYERS: readonly (readonly string[])[];
  folderOf(path: string): string | undefined;
}

/** The files of `src`, and what each imports of it, types included. */
function importsOfSrc(): Map<string, string[]> {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.replaceAll('\\', '/'));
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(SRC, file), 'utf8');
      const imported = [...text.matchAll(/\b(?:from|import)\s*\(?'(\.[^']+)'/g)].map(([, path = '']) =>
        posix.join(posix.dirname(file), path).replace(/\.js$/, '.ts'),
      );
      return [file, imported.filter((each) => known.has(each))];
    }),
  );
}

/** The first circle there is, by the names of its files. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const each of imports.get(file) ?? []) {
      const circle = visit(each, [...way, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

describe('the layers of src', () => {
  const imports = importsOfSrc();
  let layers: Module;

  before(async () => {
    layers = (await import(MODULE)) as Module;
  });

  it('hold every file', () => {
    assert.deepEqual(
      [...imports.keys()].filter((file) => layers.folderOf(file) === undefined),
      [],
    );
  });

  it('name no folder that is not there', () => {
    const used = new Set([...imports.keys()].map((file) => layers.folderOf(file)));
    assert.deepEqual(
      layers.LAYERS.flat().filter((folder) => !used.has(folder)),
      [],
    );
  });

  it('have no import upwards, nor to a neighbour', () => {
    const heightOf = new Map(
      layers.LAYERS.flatMap((layer, height) => layer.map((folder) => [folder, height])),
    );
    const upwards = [...imports].flatMap(([file, imported]) =>
      imported
        .filter((other) => {
          const [from, to] = [layers.folderOf(file) ?? '', layers.folderOf(other) ?? ''];
          return from !== to && (heightOf.get(to) ?? 0) >= (heightOf.get(from) ?? 0);
        })
        .map((other) => `${file} -> ${other}`),
    );
    assert.deepEqual(upwards, []);
  });

  it('have no circle of files, types included', () => {
    assert.equal(circleIn(imports)?.join(' -> '), undefined);
  });
});
