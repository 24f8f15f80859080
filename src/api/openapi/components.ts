/** Any part of the document. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * What the parts of an OpenAPI document share. A schema with a `title` becomes a component of that name; a response that
 * is the same for several operations becomes one as well.
 */
export class Components {
  private readonly schemas = new Map<string, Json>();
  private readonly responses = new Map<string, { readonly name: string; readonly response: Json }>();

  /** A schema of what is sent to the API: others than its properties are refused, and it says so. */
  request(schema: object): Json {
    return this.refer(schema, false) as Json;
  }

  /** A schema of an answer. It may get further properties in later versions: clients have to leave them alone. */
  response(schema: object): Json {
    return this.refer(schema, true) as Json;
  }

  /**
   * Refers to a response that several operations have.
   * @param key the same for those that are the same; begins with the status
   */
  sharedResponse(key: string, make: () => Json): Json {
    const [status] = key.split(' ');
    let known = this.responses.get(key);
    if (known === undefined) {
      const alike = [...this.responses.keys()].filter((each) => each.startsWith(`${status} `)).length;
      known = { name: `Status${status}${alike === 0 ? '' : `-${alike + 1}`}`, response: make() };
      this.responses.set(key, known);
    }
    return { $ref: `#/components/responses/${known.name}` };
  }

  /** All of them, sorted by name. */
  all(): { readonly schemas: Json; readonly responses: Json } {
    const responses = [...this.responses.values()].map(({ name, response }) => [name, response] as const);
    return { schemas: sorted([...this.schemas]), responses: sorted(responses) };
  }

  private refer(value: unknown, isOpen: boolean): unknown {
    if (Array.isArray(value)) return value.map((each) => this.refer(each, isOpen));
    if (typeof value !== 'object' || value === null) return value;
    const { title } = value as { title?: unknown };
    if (typeof title !== 'string') return this.members(value, isOpen);
    const rest = Object.entries(value).filter(([key]) => key !== 'title');
    const schema = this.members(Object.fromEntries(rest), isOpen);
    const known = this.schemas.get(title);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema))
      throw new Error(`Two schemas are called ${title}.`);
    this.schemas.set(title, schema);
    return { $ref: `#/components/schemas/${title}` };
  }

  private members(value: object, isOpen: boolean): Json {
    const kept = Object.entries(value).filter(
      ([key, each]) => !(isOpen && key === 'additionalProperties' && each === false),
    );
    return Object.fromEntries(kept.map(([key, each]) => [key, this.refer(each, isOpen)]));
  }
}

function sorted(entries: readonly (readonly [string, unknown])[]): Json {
  return Object.fromEntries([...entries].sort(([one], [other]) => (one < other ? -1 : 1)));
}
