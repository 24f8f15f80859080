import importX from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';
import { zonesOf } from './scripts/layers.mjs';

const zones = [
  ...zonesOf('./src'),
  {
    target: './packages/client/src',
    from: './src',
    message: 'the client knows the HTTP API alone, and no part of the server.',
  },
];

/** `...{ a, b }` and `...['x']` do nothing but keep a list on one line against the formatter. */
const LITERAL_SPREAD = {
  selector:
    ':matches(ObjectExpression, ArrayExpression, CallExpression, NewExpression) > SpreadElement > :matches(ObjectExpression, ArrayExpression)',
  message: 'Write out what the literal holds.',
};

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
        LITERAL_SPREAD,
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
      'max-lines': ['error', { max: 400, skipComments: true, skipBlankLines: true }],
      'max-lines-per-function': ['error', { max: 60, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    // They only wire.
    files: ['src/roles/**/*.ts', 'src/activities/index.ts'],
    rules: { 'max-lines-per-function': ['error', { max: 80, skipComments: true, skipBlankLines: true }] },
  },
  {
    files: ['src/config.ts', 'test/**/*.ts', 'bench/**/*.ts', '**/*.mjs'],
    rules: { 'no-restricted-syntax': ['error', LITERAL_SPREAD] },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-unused-expressions': 'off' },
  },
  {
    files: ['src/workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                'node:*',
                'fs',
                'path',
                'crypto',
                'lmdb',
                '@duckdb/*',
                '@temporalio/client',
                '@temporalio/worker',
              ],
              message: 'workflow code is deterministic.',
            },
            {
              regex: '^(\\.\\./)+(?!\\.\\./|errors\\.js|platform/|events/|tenants/|workflows/)',
              allowTypeImports: true,
              message: 'workflow code sees activities by type alone, and the vocabulary.',
            },
          ],
        },
      ],
    },
  },
);
