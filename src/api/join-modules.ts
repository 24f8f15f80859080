/** A module's name, as others import it: `./name`. */
type ModuleName = string;

/** An import that stands at the start of a line: what it takes, and from where. */
const IMPORT = /^import\s*(?:([\w$]+)|\{([^}]*)\})\s*from\s*['"]\.\/([\w-]+\.js)['"];?[ \t]*$/gm;
/** An export in front of what it exports. */
const DECLARED = /^export (default )?(?=(?:async )?(?:function\*?|const|class)(?: ([\w$]+))?)/gm;
/** The list of exports at the end of a library. */
const LISTED = /^export\s*\{([^}]*)\};?[ \t]*$/gm;

/**
 * Joins ES modules into one script that does what the first of them does: a browser then asks for one file instead of
 * forty. Each becomes a function that gives its exports, called in the order in which they import each other. It knows
 * the forms of import and export that the console and its libraries are written in, and refuses any other.
 * @param read the text of a module
 * @throws Error where a module has another form, or modules import each other in a circle
 */
export async function joinModules(
  first: ModuleName,
  read: (name: ModuleName) => Promise<string>,
): Promise<string> {
  const texts = new Map<ModuleName, string>();
  const placed = new Map<ModuleName, 'under way' | 'placed'>();
  const order: ModuleName[] = [];
  const place = async (name: ModuleName): Promise<void> => {
    if (placed.get(name) === 'placed') return;
    if (placed.has(name)) throw new Error(`Modules of the console import each other in a circle: ${name}.`);
    placed.set(name, 'under way');
    const text = await read(name);
    texts.set(name, text);
    for (const [, , , imported = ''] of text.matchAll(IMPORT)) await place(imported);
    placed.set(name, 'placed');
    order.push(name);
  };
  await place(first);
  const joined = order.map((name) => asFunction(name, texts.get(name) ?? ''));
  return `'use strict';\nconst modules = {};\n${joined.join('\n')}\n`;
}

function asFunction(name: ModuleName, text: string): string {
  const exported: string[] = [];
  const body = text
    .replace(/^\/\/# sourceMappingURL=.*$/gm, '')
    .replaceAll(IMPORT, (_all, whole?: string, parts?: string, from?: string) => {
      const taken = whole === undefined ? `{ ${renamed(parts ?? '')} }` : `{ default: ${whole} }`;
      return `const ${taken} = modules['${from}'];`;
    })
    .replaceAll(LISTED, (_all, parts: string) => {
      exported.push(...membersOf(parts).map(([own, as]) => `${as}: ${own}`));
      return '';
    })
    .replaceAll(DECLARED, (_all, isDefault: string | undefined, own: string | undefined) => {
      if (isDefault !== undefined && own === undefined) {
        exported.push('default: whole');
        return 'const whole = ';
      }
      exported.push(isDefault === undefined ? `${own}` : `default: ${own}`);
      return '';
    });
  const left = /(?:^|[;}])(?:import|export)\b(?!\().*$/m.exec(body);
  if (left !== null)
    throw new Error(`${name} of the console has a form that is not joined: ${left[0].slice(0, 100)}`);
  return `modules['${name}'] = (() => {\n${body}\nreturn { ${exported.join(', ')} };\n})();`;
}

/** `a, b as c` of an import, as a pattern takes it: `a, b: c`. */
function renamed(parts: string): string {
  return membersOf(parts)
    .map(([own, as]) => (own === as ? own : `${own}: ${as}`))
    .join(', ');
}

function membersOf(parts: string): (readonly [own: string, as: string])[] {
  return parts
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [own = '', as = own] = part.split(/\s+as\s+/);
      return [own, as] as const;
    });
}
