/**
 * What CEL means in AgentGateway 1.4.1 where dialects differ, read from its source (crates/cel-fork/cel/src/objects.rs and
 * functions.rs, crates/celx/src/strings.rs and general.rs): each line holds for these claims. `!(…)` tells an expression
 * that is false from one that errs.
 */
export const DIALECT_CLAIMS = {
  text: 'a b c',
  unicode: 'Ää☃',
  list: ['x', 'y'],
  mixed: [7, 'b'],
  turned: ['b', 7],
  number: 5,
  ratio: 1.5,
  yes: true,
  nothing: null,
  nested: { key: 'value' },
};

export const HOLDS: readonly string[] = [
  // `in` also takes a text in a text and a key of a map (`operators::IN`)
  "'b' in jwt.text && !('z' in jwt.text) && 'x' in jwt.list && 'key' in jwt.nested && !(7 in jwt.nested)",
  "jwt.list.contains('x') && !jwt.list.contains(7) && jwt.nested.contains('key')",
  // texts count in bytes for `size`, in characters elsewhere
  "jwt.unicode.size() == 7 && size(jwt.unicode) == 7 && jwt.unicode.indexOf('☃') == 2 && jwt.unicode.charAt(1) == 'ä'",
  "jwt.text.substring(2, 99) == 'b c' && jwt.text.substring(5) == '' && jwt.text.indexOf('c', 9) == -1",
  "jwt.text.lastIndexOf(' ') == 3 && jwt.text.lastIndexOf('a', 2) == 0",
  "jwt.text.split(' ', 2) == ['a', 'b c'] && jwt.text.split(' ', 0) == [] && jwt.text.split(' ', -1).size() == 3",
  "jwt.text.stripPrefix('a ') == 'b c' && jwt.text.stripSuffix(' c') == 'a b' && jwt.text.replace(' ', '') == 'abc'",
  "jwt.text.replace(' ', '-', 1) == 'a-b c' && jwt.list.join('+') == 'x+y' && jwt.text.upperAscii() == 'A B C'",
  // a list is gone through in order, and the first element that errs ends it (`resolve_comprehension`)
  "jwt.turned.exists(i, i.startsWith('b'))",
  "!(jwt.turned.all(i, i.startsWith('z')))",
  // equality never errs, order does; int and double compare but do not add up
  "jwt.number != 'x' && !(jwt.yes == 1) && jwt.number > 1.5 && jwt.ratio < 2 && jwt.number == 5.0 && jwt.nothing == null",
  "jwt.nested == {'key': 'value'} && jwt.list == ['x', 'y'] && jwt.list != ['y', 'x']",
  'type(jwt.number) == int && type(jwt.ratio) == double && string(jwt.number) == "5" && int(jwt.ratio) == 1',
  // `has` asks a map; of anything else it is false
  '!has(jwt.text.x) && has(jwt.nothing) && !has(jwt.gone) && has(jwt.nested.key)',
  // what is missing or null has a default; `coalesce` forgives every error
  "default(jwt.gone, 'd') == 'd' && default(jwt.nothing, 'd') == 'd' && coalesce(jwt.number / 0, jwt.gone.x, 7) == 7",
  'coalesce(jwt.nothing, jwt.gone) == null',
  // an error beside what decides does not matter
  "jwt.gone == 'x' || true",
  "!(jwt.gone == 'x' && false)",
  // regular expressions are Rust's: no anchors of their own, flags in front
  "jwt.text.matches('b') && !jwt.text.matches('^b') && jwt.text.matches('(?i)^A B') && jwt.unicode.matches('^.{3}$')",
];

/** Each errs, so that neither it nor its negation holds. */
export const ERRS: readonly string[] = [
  ...["jwt.gone == 'x'", "'5' in jwt.number", 'jwt.number > jwt.text', 'jwt.number + 1.5 > 0.0', 'jwt.number / 0 == 1'],
  ...["jwt.mixed.exists(i, i.startsWith('b'))", "jwt.mixed.all(i, i.startsWith('z'))", 'jwt.list[9] == 1', 'jwt.text'],
  ...[
    "jwt.text.charAt(9) == ''",
    "jwt.text.substring(6) == ''",
    "jwt.text.substring(-1) == ''",
    'has(jwt.gone.deeper)',
  ],
  ...[
    'default(jwt.number / 0, 7) == 7',
    "jwt.text.matches('[')",
    "jwt.text.matches('a(?= b)')",
    'jwt.number ? true : false',
  ],
  ...["jwt.list.join(1) == ''", "jwt.mixed.join(',') == ''", "int('x') == 0", 'jwt.yes > 0'],
];
