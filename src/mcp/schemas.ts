type Json = Record<string, unknown>;

/** Schema objects in one tool's parameters, and how deep they nest; what unfolds into more stays a reference. */
const MAX_NODES = 5_000;
const MAX_DEPTH = 100;
const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/**
 * A tool's input schema as OpenAI takes it for function parameters: an object at the top, with `properties` and without
 * `anyOf`, `oneOf`, `allOf`, `enum`, `not`, `const` beside it; every reference local; every array with `items`; no leftovers of older
 * drafts. What cannot be said in that form goes into the description, so that the model still reads it; the
 * server checks the arguments against its own schema in any case.
 */
export function toParameters(schema: Json): Json {
  for (const unfold of [true, false]) {
    try {
      return new Adapter(schema, unfold).run();
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
    }
  }
  return { type: 'object', properties: {}, description: 'The schema is too large to show.' };
}

class TooLarge extends Error {}

class Adapter {
  readonly #root: Json;
  #nodes = 0;
  #depth = 0;
  /** Definitions that stay in `$defs`, because they refer to themselves or because nothing is unfolded. */
  readonly #kept = new Map<string, string>();
  readonly #unfold: boolean;

  constructor(root: Json, unfold: boolean) {
    this.#root = root;
    this.#unfold = unfold;
  }

  run(): Json {
    const top = this.#top(this.#adapt(this.#root, ['#']));
    const defs: Json = {};
    // Adapting one definition may meet others.
    for (const [pointer, name] of this.#kept) defs[name] = this.#adapt(this.#resolve(pointer), [pointer]);
    return this.#kept.size > 0 ? { ...top, $defs: defs } : top;
  }

  /** One schema and what is in it; `path` holds the references that are being unfolded. */
  #adapt(value: unknown, path: string[]): Json {
    if (++this.#nodes > MAX_NODES || ++this.#depth > MAX_DEPTH) throw new TooLarge();
    const schema = this.#schema(value, path);
    this.#depth--;
    return schema;
  }

  #schema(value: unknown, path: string[]): Json {
    if (!isObject(value)) return value === false ? { not: {} } : {};
    const { $ref, ...rest } = value;
    if (typeof $ref === 'string') return this.#reference($ref, rest, path);
    const out: Json = {};
    for (const [key, item] of Object.entries(value)) {
      switch (key) {
        case '$schema':
        case '$id':
        case 'id':
        case '$comment':
        case '$defs':
        case 'definitions':
        case '$anchor':
        case '$ref':
          break;
        case 'properties':
        case 'patternProperties':
          if (isObject(item)) out[key] = this.#map(item, path);
          break;
        case 'anyOf':
        case 'oneOf':
        case 'allOf':
        case 'prefixItems':
          if (Array.isArray(item) && item.length > 0) out[key] = item.map(part => this.#adapt(part, path));
          break;
        case 'additionalProperties':
        case 'unevaluatedProperties':
        case 'additionalItems':
          out[key] = typeof item === 'boolean' ? item : this.#adapt(item, path);
          break;
        case 'items':
          if (Array.isArray(item)) Object.assign(out, this.#tuple(item, path));
          else out[key] = this.#adapt(item, path);
          break;
        case 'not':
        case 'if':
        case 'then':
        case 'else':
        case 'contains':
        case 'propertyNames':
          out[key] = this.#adapt(item, path);
          break;
        case 'required':
          if (Array.isArray(item)) out[key] = item.filter(name => typeof name === 'string');
          break;
        case 'type': {
          const types = (Array.isArray(item) ? item : [item]).filter(type => TYPES.includes(type as string));
          if (types.length > 0) out[key] = types.length === 1 ? types[0] : types;
          break;
        }
        case 'exclusiveMinimum':
        case 'exclusiveMaximum':
          // Draft 4 has a flag beside the bound, later drafts have the bound itself.
          if (typeof item === 'number') out[key] = item;
          break;
        default:
          out[key] = item;
      }
    }
    modernizeBounds(value, out);
    hoistRequired(value, out);
    if (out['type'] === undefined) inferType(out);
    if (hasType(out, 'array') && out['items'] === undefined) out['items'] = {};
    return out;
  }

  #map(properties: Json, path: string[]): Json {
    return Object.fromEntries(
      Object.entries(properties)
        .filter(([, value]) => value !== false) // a property that must not be there
        .map(([name, value]) => [name, this.#adapt(value, path)]),
    );
  }

  #reference(ref: string, rest: Json, path: string[]): Json {
    const target = this.#resolve(ref);
    // The top must be an object by itself, whatever else stays a reference.
    const atTop = this.#nodes === 1;
    const siblings = Object.keys(rest).length > 0 ? this.#adapt(rest, path) : {};
    if (target === undefined) return { ...siblings, ...note(siblings, `See ${ref.slice(0, 200)}.`) };
    if (path.includes(ref) || (!this.#unfold && !atTop)) return { ...siblings, $ref: `#/$defs/${this.#nameOf(ref)}` };
    return { ...this.#adapt(target, [...path, ref]), ...siblings };
  }

  #nameOf(ref: string): string {
    const known = this.#kept.get(ref);
    if (known) return known;
    const base = (ref === '#' ? 'root' : ref.split('/').at(-1)!).replace(/[^a-zA-Z0-9_-]+/g, '_') || 'schema';
    const names = [...this.#kept.values()];
    const name = names.includes(base) ? `${base}_${names.length}` : base;
    this.#kept.set(ref, name);
    return name;
  }

  /** The schema at a JSON pointer in this document (RFC 6901); undefined for anything else. */
  #resolve(ref: string): unknown {
    if (!ref.startsWith('#')) return undefined;
    let value: unknown = this.#root;
    for (const token of ref.slice(1).split('/').slice(1)) {
      const key = decode(token).replace(/~1/g, '/').replace(/~0/g, '~');
      if (Array.isArray(value)) value = value[Number(key)];
      else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }
    return value;
  }

  #tuple(items: unknown[], path: string[]): Json {
    const parts = items.map(item => this.#adapt(item, path));
    return { items: parts.length === 1 ? parts[0] : { anyOf: parts }, minItems: items.length, maxItems: items.length };
  }

  /** Makes the outermost schema a plain object. */
  #top(schema: Json): Json {
    const { anyOf, oneOf, allOf, not, enum: values, const: value, properties, required, ...rest } = schema;
    const variants = [...list(anyOf), ...list(oneOf)].map(variant => this.#flat(variant));
    const parts = [{ properties, required }, ...list(allOf).map(part => this.#flat(part))];
    const own = parts.map(part => (isObject(part.properties) ? part.properties : {}));
    const merged: Json = {};
    for (const group of [...own, ...variants.map(variant => asObject(variant.properties))]) {
      for (const [name, property] of Object.entries(group)) merged[name] = either(merged[name], property);
    }
    const needed = new Set([
      ...parts.flatMap(part => strings(part.required)),
      ...intersection(variants.map(variant => strings(variant.required))),
    ]);
    const remarks = [];
    const choices = variants.map(variant => strings(variant.required).filter(name => !needed.has(name)));
    if (choices.some(choice => choice.length > 0)) {
      const texts = choices.map(choice => (choice.length > 0 ? choice.join(' and ') : 'none of these'));
      remarks.push(`Give ${texts.join(', or ')}.`);
    }
    for (const [word, constraint] of Object.entries({ not, enum: values, const: value }))
      if (constraint !== undefined)
        remarks.push(`The arguments are limited by ${word}: ${JSON.stringify(constraint).slice(0, 500)}.`);
    return {
      ...rest,
      type: 'object',
      properties: merged,
      ...(needed.size > 0 && { required: [...needed] }),
      ...note(rest, remarks.join(' ')),
    };
  }

  /** A variant of the top with its own `allOf` and choices drawn in. */
  #flat(schema: Json): Json {
    return schema['anyOf'] || schema['oneOf'] || schema['allOf'] ? this.#top(schema) : schema;
  }
}

/** `minimum: 5, exclusiveMinimum: true` of draft 4 is `exclusiveMinimum: 5` today. */
function modernizeBounds(value: Json, out: Json): void {
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (value[flag] !== true || typeof out[bound] !== 'number') continue;
    out[flag] = out[bound];
    delete out[bound];
  }
}

/** `required: true` on a property (draft 3) belongs into the list of its parent. */
function hoistRequired(value: Json, out: Json): void {
  const properties = asObject(value['properties']);
  const names = Object.keys(properties).filter(name => asObject(properties[name])['required'] === true);
  if (names.length > 0) out['required'] = [...new Set([...strings(out['required']), ...names])];
}

function inferType(out: Json): void {
  if (out['properties'] !== undefined) out['type'] = 'object';
  else if (out['items'] !== undefined || out['prefixItems'] !== undefined) out['type'] = 'array';
}

const hasType = (schema: Json, type: string) => [schema['type']].flat().includes(type);

/** The same property in two places: one schema if they agree, else a choice. */
function either(known: unknown, next: unknown): unknown {
  if (known === undefined || JSON.stringify(known) === JSON.stringify(next)) return next;
  const choices = isObject(known) && Object.keys(known).length === 1 ? list(known['anyOf']) : [];
  const all = choices.length > 0 ? choices : [known];
  return all.some(choice => JSON.stringify(choice) === JSON.stringify(next)) ? known : { anyOf: [...all, next] };
}

function note(schema: Json, remark: string): Json {
  if (!remark) return {};
  const before = typeof schema['description'] === 'string' ? `${schema['description']} ` : '';
  return { description: before + remark };
}

function intersection(lists: string[][]): string[] {
  const [first = [], ...others] = lists;
  return first.filter(name => others.every(other => other.includes(name)));
}

function decode(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asObject = (value: unknown): Json => (isObject(value) ? value : {});
const list = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
