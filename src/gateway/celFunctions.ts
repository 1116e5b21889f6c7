import { CelScalar, celFunc, celList, celMethod, listType, mapType } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);
const MAP = mapType(DYN, DYN);

const ZERO = BigInt(0);
const bytes = (text: string) => BigInt(Buffer.byteLength(text));
const characters = (text: string) => Array.from(text);

function position(index: bigint): number {
  if (index < ZERO) throw new Error('negative position');
  return Number(index);
}

function charAt(this: string, index: bigint): string {
  const found = characters(this)[position(index)];
  if (found === undefined) throw new Error('position beyond the text');
  return found;
}

function indexOf(this: string, needle: string, start = ZERO): bigint {
  const all = characters(this);
  const from = position(start);
  if (from >= all.length) return BigInt(-1);
  const rest = all.slice(from).join('');
  const at = rest.indexOf(needle);
  return at < 0 ? BigInt(-1) : BigInt(from + characters(rest.slice(0, at)).length);
}

function lastIndexOf(this: string, needle: string, start?: bigint): bigint {
  const all = characters(this);
  if (start !== undefined && position(start) >= all.length) return BigInt(-1);
  const end = start === undefined ? all.length : position(start) + characters(needle).length;
  const text = all.slice(0, end).join('');
  const at = text.lastIndexOf(needle);
  return at < 0 ? BigInt(-1) : BigInt(characters(text.slice(0, at)).length);
}

function substring(this: string, start: bigint, end?: bigint): string {
  const all = characters(this);
  const [from, to] = [position(start), end === undefined ? all.length : position(end)];
  if (to < from) throw new Error('the end is before the start');
  return all.slice(from, to).join('');
}

function splitAtMost(this: string, separator: string, limit: bigint) {
  const parts = this.split(separator);
  const count = Number(limit);
  if (count < 0 || parts.length <= count) return celList(parts);
  return celList(count === 0 ? [] : [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)]);
}

const OWN = new Set(['charAt', 'indexOf', 'lastIndexOf', 'substring']);

/**
 * Where AgentGateway's CEL goes beyond the standard, or beside it: texts count in bytes for `size` and in characters
 * elsewhere, and positions beyond the end are forgiven (v1.4.1 crates/cel-fork/cel/src/objects.rs `IN`, functions.rs
 * `size` and `contains`, crates/celx/src/strings.rs).
 */
export const functions = [
  ...strings.filter(({ name, arguments: args }) => !OWN.has(name) && !(name === 'split' && args.length === 2)),
  celFunc('size', [STRING], INT, bytes),
  celMethod('size', STRING, [], INT, function () {
    return bytes(String(this));
  }),
  // Not `map.has`: in this library a map does not have a key whose value is null.
  celFunc('@has', [MAP, STRING], BOOL, (map, key) => map.get(key) !== undefined),
  celFunc('@has', [DYN, STRING], BOOL, () => false),
  celFunc('@in', [STRING, STRING], BOOL, (part, whole) => whole.includes(part)),
  celFunc('@in', [STRING, MAP], BOOL, (key, map) => map.get(key) !== undefined),
  celMethod('contains', LIST, [DYN], BOOL, function (item) {
    return [...this].includes(item);
  }),
  celMethod('contains', MAP, [STRING], BOOL, function (key) {
    return this.get(key) !== undefined;
  }),
  celMethod('charAt', STRING, [INT], STRING, charAt),
  celMethod('indexOf', STRING, [STRING], INT, indexOf),
  celMethod('indexOf', STRING, [STRING, INT], INT, indexOf),
  celMethod('lastIndexOf', STRING, [STRING], INT, lastIndexOf),
  celMethod('lastIndexOf', STRING, [STRING, INT], INT, lastIndexOf),
  celMethod('substring', STRING, [INT], STRING, substring),
  celMethod('substring', STRING, [INT, INT], STRING, substring),
  celMethod('split', STRING, [STRING, INT], LIST, splitAtMost),
  celMethod('stripPrefix', STRING, [STRING], STRING, function (prefix) {
    return this.startsWith(prefix) ? this.slice(prefix.length) : String(this);
  }),
  celMethod('stripSuffix', STRING, [STRING], STRING, function (suffix) {
    return suffix && this.endsWith(suffix) ? this.slice(0, -suffix.length) : String(this);
  }),
];
