import importX from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

/**
 * The one-way imports of ARCHITECTURE.md: api -> ingest -> workflows -> activities -> stores.
 * Each zone names a folder and what it may not import.
 */
const zones = [
  {
    target: './src/api',
    from: ['./src/workers', './src/commands', './src/activities'],
    message: 'api sees ingest, stores by interface, and the vocabulary; never workers or activities.',
  },
  {
    target: './src/ingest',
    from: ['./src/api', './src/workers', './src/commands', './src/activities'],
    message:
      'ingest hands batches to Temporal; it imports neither the door before it nor the activities after it.',
  },
  {
    target: './src/pull',
    from: [
      './src/api',
      './src/ingest',
      './src/activities',
      './src/workers',
      './src/commands',
      './src/engine',
      './src/roles',
    ],
    message:
      'pull serves the API from Temporal and the batch store: it sees messages, stores, rules and the vocabulary.',
  },
  {
    target: './packages/client/src',
    from: './src',
    message: 'the client knows the HTTP API alone, and no part of the server.',
  },
  {
    target: './src/workflows',
    from: ['./src/api', './src/ingest', './src/workers', './src/commands', './src/stores', './src/engine'],
    message: 'workflow code is deterministic: vocabulary and activity types only.',
  },
  {
    target: './src/activities',
    from: ['./src/api', './src/ingest', './src/workers', './src/commands', './src/engine'],
    message: 'activities see stores, rules and the vocabulary.',
  },
  {
    target: './src/eligibility',
    from: [
      './src/api',
      './src/workflows',
      './src/activities',
      './src/workers',
      './src/commands',
      './src/engine',
    ],
    message: 'deciding is a part of ingest: it sees chunks, rules and the state store.',
  },
  {
    target: ['./src/retention', './src/compaction'],
    from: [
      './src/api',
      './src/ingest',
      './src/activities',
      './src/workers',
      './src/commands',
      './src/engine',
    ],
    message: 'retention and compaction see stores, tenants and what workflows are called.',
  },
  {
    target: './src/dead-letters',
    from: ['./src/api', './src/ingest', './src/activities', './src/workers', './src/commands'],
    message: 'dead-letters is what people do about them: it sees Temporal, stores and the vocabulary.',
  },
  {
    target: './src/stores',
    from: [
      './src/api',
      './src/ingest',
      './src/workflows',
      './src/activities',
      './src/workers',
      './src/commands',
      './src/engine',
    ],
    message: 'stores are the end of the way: they import the vocabulary only.',
  },
  {
    target: ['./src/rules', './src/expressions'],
    from: [
      './src/api',
      './src/ingest',
      './src/workflows',
      './src/activities',
      './src/workers',
      './src/commands',
      './src/engine',
      './src/stores',
    ],
    message: 'rules and expressions are pure: they import the vocabulary only.',
  },
  {
    target: ['./src/engine', './src/tenant-config', './src/event-schemas'],
    from: [
      './src/api',
      './src/ingest',
      './src/workflows',
      './src/activities',
      './src/workers',
      './src/commands',
    ],
    message: 'engine, tenant-config and event-schemas stand below the pipeline.',
  },
];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '.headgate/'] },
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.ts', 'packages/*/src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    plugins: { 'import-x': importX, jsdoc },
    languageOptions: { parserOptions: { project: './tsconfig.test.json' } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      'import-x/no-cycle': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'Only config.ts reads the environment.',
        },
      ],
    },
    settings: {
      'import-x/resolver-next': [importX.createNodeResolver({ extensionAlias: { '.js': ['.ts', '.js'] } })],
    },
  },
  {
    files: ['src/**/*.ts', 'packages/*/src/**/*.ts'],
    rules: { 'import-x/no-restricted-paths': ['error', { zones }] },
  },
  {
    files: ['src/**/*.ts', 'packages/*/src/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: false },
          contexts: ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'VariableDeclaration'],
        },
      ],
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
    },
  },
  { files: ['src/config.ts', 'test/**/*.ts', 'bench/**/*.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
  {
    files: ['src/workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            'node:*',
            'fs',
            'path',
            'crypto',
            'lmdb',
            '@duckdb/*',
            '@temporalio/client',
            '@temporalio/worker',
          ],
        },
      ],
    },
  },
);
