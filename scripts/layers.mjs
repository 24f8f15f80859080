/**
 * The layers of `src`, the lowest first: a file may import from its own folder and from the layers below, types included.
 * Folders of one layer do not import each other. A folder within another may be a layer of its own.
 */
export const LAYERS = [
  ['errors.ts', 'version.ts'],
  ['reference'],
  ['platform'],
  ['events', 'recovery'],
  ['analytics', 'expressions', 'tenants'],
  // What workflows, activities and clients say to each other; the workflows themselves are further up.
  ['workflows/messages'],
  ['rules', 'event-schemas'],
  ['routing', 'webhook-sources'],
  ['tenants/config'],
  ['stores/gcs'],
  ['stores/batch-keys'],
  ['stores/batch-store'],
  [
    'stores/delivery-log',
    'stores/event-index',
    'stores/load-claims',
    'stores/quarantine',
    'stores/secrets',
    'stores/state',
    'stores/usage',
  ],
  ['stores/warehouse'],
  ['tracing'],
  ['config.ts', 'observability', 'schema-trials'],
  ['audit-log', 'keys', 'sources', 'temporal/dev-server'],
  ['temporal'],
  ['eligibility'],
  ['ingest'],
  ['dead-letters', 'pull', 'subscriptions'],
  [
    'audit-events',
    'compaction',
    'receipts',
    'removal',
    'replays',
    'retention',
    'status',
    'temporal-acts',
    'usage',
  ],
  ['event-history', 'tenant-changes'],
  ['activities'],
  // They see activities by type alone.
  ['workflows'],
  ['workers'],
  ['api'],
  ['roles'],
  ['audit', 'demo'],
  ['commands'],
  ['cli.ts', 'client'],
];

const FOLDERS = LAYERS.flat();

/** The layer's file or folder that a file of `src` belongs to: the innermost; undefined for one that the table lacks. */
export function folderOf(path) {
  const inside = FOLDERS.filter((folder) => path === folder || path.startsWith(`${folder}/`));
  return inside.sort((a, b) => b.length - a.length)[0];
}

/** The table as zones of `import-x/no-restricted-paths`: what each folder may not import is all that is not below it. */
export function zonesOf(root) {
  return LAYERS.flatMap((layer, height) =>
    layer.map((folder) => ({
      target: globsOf(root, folder),
      from: LAYERS.slice(height)
        .flat()
        .filter((other) => other !== folder)
        .flatMap((other) => globsOf(root, other)),
      message: `${folder} imports only what is below it in scripts/layers.mjs.`,
    })),
  );
}

/** The files of a folder, without those of folders within it that have a place of their own. */
function globsOf(root, folder) {
  // The rule wants patterns alone, or none.
  if (folder.endsWith('.ts')) return [`${root}/@(${folder})`];
  const inner = FOLDERS.filter((other) => other.startsWith(`${folder}/`));
  if (inner.length === 0) return [`${root}/${folder}/**/*`];
  const names = inner.map((other) => other.slice(folder.length + 1));
  return [`${root}/${folder}/*`, `${root}/${folder}/!(${names.join('|')})/**/*`];
}
