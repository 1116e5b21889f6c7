import { numbersIn, quotedIn, urlsIn, wordsOfName } from './words.ts';

type Schema = Readonly<Record<string, unknown>>;

/** Where a call's arguments can come from. */
export interface Material {
  /** The part of the prompt that asks for this call. */
  clause: string;
  /** What the clause is about, without the words that ask. */
  topic: string;
  /** Addresses from earlier results, for a step that follows up on them. */
  seenUrls: readonly string[];
}

/** Takes each quoted text, address and number once, in the order of the prompt. */
class Pool {
  readonly topic: string;
  readonly clause: string;
  readonly urls: string[];
  readonly quoted: string[];
  readonly numbers: number[];

  constructor({ clause, topic, seenUrls }: Material) {
    this.topic = topic;
    this.clause = clause;
    this.urls = [...urlsIn(clause), ...seenUrls];
    this.quoted = quotedIn(clause).filter(text => urlsIn(text).length === 0);
    this.numbers = numbersIn(clause);
  }
}

/** Arguments for a tool from its JSON schema: what it requires, and of the rest only what the prompt speaks of. */
export function fillArguments(schema: Schema, material: Material): Record<string, unknown> {
  return fillObject(schema, new Pool(material));
}

function fillObject(schema: Schema, pool: Pool): Record<string, unknown> {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Schema>>;
  const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : []);
  const names = Object.keys(properties);
  const result: Record<string, unknown> = {};
  for (const name of [...names.filter(key => required.has(key)), ...names.filter(key => !required.has(key))]) {
    const property = properties[name] ?? {};
    const value = required.has(name)
      ? fillRequired(name, property, pool)
      : fillOptional(name, property, pool, required.size === 0);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

function fillRequired(name: string, schema: Schema, pool: Pool): unknown {
  if (schema.const !== undefined) return schema.const;
  const choice = mentioned(schema, pool);
  if (choice !== undefined) return choice;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  switch (typeOf(schema)) {
    case 'number':
    case 'integer':
      return pool.numbers.shift() ?? schema.default ?? schema.minimum ?? 1;
    case 'boolean':
      return schema.default ?? true;
    case 'array': {
      const item = typeOf((schema.items ?? {}) as Schema);
      if (item === 'number' || item === 'integer') return pool.numbers.splice(0);
      return pool.quoted.length > 0 ? pool.quoted.splice(0) : [pool.topic];
    }
    case 'object':
      return fillObject(schema, pool);
    default:
      if (isUrl(name, schema)) return pool.urls.shift() ?? pool.topic;
      return pool.quoted.shift() ?? pool.topic;
  }
}

function fillOptional(name: string, schema: Schema, pool: Pool, nothingRequired: boolean): unknown {
  const choice = mentioned(schema, pool);
  if (choice !== undefined) return choice;
  const type = typeOf(schema);
  if (type === 'number' || type === 'integer') {
    // "5 results" names a property called numResults; a tool that needs nothing takes any number.
    const words = wordsOfName(name);
    const index = pool.numbers.findIndex(number => {
      const [next = ''] = wordsOfName(pool.clause.split(String(number))[1]?.trim().split(/\s+/)[0] ?? '');
      return nothingRequired || words.includes(next);
    });
    return index < 0 ? undefined : pool.numbers.splice(index, 1)[0];
  }
  if (type !== 'string') return undefined;
  if (isUrl(name, schema)) return urlsIn(pool.clause)[0];
  if (/zone/i.test(name)) return /\b[A-Z]\w+\/[A-Z]\w+\b/.exec(pool.clause)?.[0];
  return nothingRequired ? pool.quoted.shift() : undefined;
}

/** The value of an enumeration that the prompt names. */
function mentioned(schema: Schema, pool: Pool): unknown {
  if (!Array.isArray(schema.enum)) return undefined;
  const clause = pool.clause.toLowerCase();
  return schema.enum.find(value => typeof value === 'string' && clause.includes(value.toLowerCase())) as unknown;
}

/** The first type that is not null. */
function typeOf(schema: Schema): string | undefined {
  const { type } = schema;
  return Array.isArray(type) ? (type as string[]).find(name => name !== 'null') : (type as string | undefined);
}

const isUrl = (name: string, schema: Schema) => schema.format === 'uri' || /ur[il]|link|href/i.test(name);
