import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { codeBlocks, documents, type CodeBlock } from '../support/documents.js';

const FILE = fileURLToPath(new URL('./snippet.ts', import.meta.url));

/** What a program has around a snippet of the client. */
const AROUND = `
declare const token: string, rawBody: string, secret: string;
declare const request: { headers: Record<string, string> };
declare function handle(event: unknown): Promise<void>;
export {};
`;

/** What TypeScript says of a snippet. */
function faultsOf({ text }: CodeBlock): string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === FILE
      ? ts.createSourceFile(name, `${text}${AROUND}`, ts.ScriptTarget.ES2022)
      : read(name, ...rest);
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => name === FILE || exists(name);
  const found = ts.getPreEmitDiagnostics(ts.createProgram([FILE], options, host));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('the blocks of code in the documents', function () {
  this.timeout(60_000);
  const blocks = documents().flatMap((document) => codeBlocks(document));

  it('are JSON where they say so', () => {
    const json = blocks.filter(({ language }) => language === 'json');
    assert.ok(json.length >= 5);
    for (const { place, text } of json) assert.doesNotThrow(() => JSON.parse(text) as unknown, place);
  });

  it('use the client as its types say', () => {
    const snippets = blocks.filter(({ language }) => language === 'ts');
    assert.ok(snippets.length >= 1);
    for (const snippet of snippets) assert.deepEqual(faultsOf(snippet), [], snippet.place);
  });
});
