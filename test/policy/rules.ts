import { AGENT, AUDIENCE, OTHER } from './tokens.ts';
import { Deck, type Random } from './random.ts';

export type RuleText = string | { allow: string } | { require: string } | { deny: string };

/** Clauses about the caller: usual ones, every function that we claim to know, and what errs. */
const ABOUT_CALLER = [
  ...[`jwt.appid == '${AGENT}'`, `jwt.azp == '${AGENT}'`, `jwt.appid != '${OTHER}'`, `jwt["appid"] == '${AGENT}'`],
  ...[
    `jwt.appid in ['${AGENT}', '${OTHER}']`,
    `jwt.appid in []`,
    `(has(jwt.appid) ? jwt.appid : jwt.azp) == '${AGENT}'`,
  ],
  ...[`coalesce(jwt.appid, jwt.azp) == '${AGENT}'`, `coalesce(jwt.gone, jwt.azp, 'none') == 'none'`],
  ...[
    `default(jwt.tier, 'free') == 'free'`,
    `default(jwt.nested.team, 'none') == 'none'`,
    `default(jwt.tier, jwt.appid) != ''`,
  ],
  ...[`'11' in jwt.xms_act_fct.split(' ')`, `'11' in jwt.xms_act_fct`, `jwt.xms_act_fct.contains('11')`],
  ...[`jwt.xms_act_fct.split(' ').exists(f, f == '11')`, `jwt.xms_act_fct.split(' ', 2).size() == 2`],
  ...[`jwt.xms_act_fct.matches('(^| )11( |$)')`, `jwt.xms_act_fct.matches('[')`, `jwt.upn.matches('(?i)^ada@')`],
  ...[
    'has(jwt.appid)',
    'has(jwt.azp)',
    'has(jwt.roles)',
    'has(jwt.tier)',
    'has(jwt.nested.team)',
    'has(jwt.nested.deep.er)',
  ],
  ...[
    'has(jwt.upn)',
    'has(jwt.scp)',
    `jwt.scp == 'access_as_user'`,
    `jwt.scp.split(' ').all(s, s.startsWith('access'))`,
  ],
  ...[
    `'reader' in jwt.roles`,
    `jwt.roles.contains('reader')`,
    `jwt.roles.exists(r, r == 'admin')`,
    'jwt.roles.size() == 2',
  ],
  ...[`jwt.roles.all(r, r.startsWith('r') || r.startsWith('w'))`, `jwt.roles.exists_one(r, r == 'reader')`],
  ...[
    `jwt.roles.exists(r, r.startsWith('adm'))`,
    `jwt.roles.all(r, r.matches('^[a-z]+$'))`,
    `jwt.roles.filter(r, r != 'reader').size() == 1`,
    `jwt.roles == ['admin']`,
  ],
  ...[
    `jwt.roles.map(r, r + '!').exists(r, r == 'admin!')`,
    `jwt.roles[0] == 'reader'`,
    `jwt.roles.join(',') == 'reader,writer'`,
  ],
  ...[
    'jwt.level >= 2',
    'jwt.level == 2',
    'jwt.level + 1 > 2',
    'jwt.level / 0 == 1',
    'jwt.level < 1.7',
    '-jwt.level > 0',
    'jwt.level > 0',
  ],
  ...[
    `string(jwt.level) == '2'`,
    'int(jwt.level) == 2',
    'double(jwt.level) > 1.2',
    'type(jwt.level) == int',
    'jwt.level == true',
  ],
  ...[
    `jwt.nested.team == 'red'`,
    `jwt.nested['team'] in ['blue']`,
    `jwt.nested == {'team': 'red'}`,
    `'team' in jwt.nested`,
  ],
  ...[
    `jwt.name.size() == 3`,
    `size(jwt.name) > 4`,
    `jwt.name.startsWith('Ä')`,
    `jwt.name.charAt(0) == 'A'`,
    `jwt.name.indexOf('d') == 1`,
  ],
  ...[
    `jwt.upn.lowerAscii().endsWith('@contoso.example')`,
    `jwt.upn.substring(0, 3) == 'ada'`,
    `jwt.upn.replace('ada', 'x').startsWith('x')`,
  ],
  ...[
    `jwt.upn.upperAscii() == jwt.upn`,
    `jwt.upn.lastIndexOf('a') > 2`,
    `jwt.upn.stripPrefix('ada') == '@contoso.example'`,
    `jwt.name.trim() != ''`,
  ],
  ...[
    `jwt.aud == '${AUDIENCE}'`,
    `'${AUDIENCE}' in jwt.aud`,
    `jwt.iss.endsWith('/v2.0')`,
    'jwt.exp > 0',
    `jwt.ver == '1.0'`,
  ],
  ...[`'g1' in jwt['https://contoso.example/groups']`, `jwt['https://contoso.example/groups'].size() == 2`],
  ...[
    `jwt.absent == 'x'`,
    `jwt.absent.deeper == 'x'`,
    `jwt.sub == 3`,
    `jwt.sub > 3`,
    'jwt.sub',
    `jwt.tier == null`,
    'true',
    'false',
  ],
];

const ABOUT_TOOL = [
  ...[
    `mcp.tool.name == 'search'`,
    `mcp.tool.name != 'crawl'`,
    `mcp.tool.name in ['search', 'fetch']`,
    `mcp.tool.target == 'docs'`,
  ],
  ...[
    `mcp.tool.name.startsWith('s')`,
    `mcp.tool.name.endsWith('ch')`,
    `mcp.tool.name.contains('raw')`,
    `mcp.tool.target + '/' + mcp.tool.name == 'web/search'`,
    `mcp.tool.name == jwt.tier`,
  ],
  ...[
    `mcp.tool.arguments.url == 'x'`,
    'has(mcp.tool.arguments)',
    'has(mcp.prompt)',
    `mcp.methodName == 'tools/call'`,
    'has(mcp.tool)',
  ],
];

const ABOUT_REQUEST = [
  `request.method == 'POST'`,
  `request.method == 'GET'`,
  `request.path.startsWith('/llm/')`,
  `mcp.tool.name == 'search'`,
];

/** What only the gateway sees; our answer is then allowed to be that we do not know. */
const UNSEEN = [`request.headers['x-team'] == 'blue'`, `has(request.headers.authorization)`];

type Policy = 'authorization' | 'mcpAuthorization';

/** Makes rules for one policy after the other, in which every clause has its turn. */
export function ruleMaker(random: Random): (policy: Policy) => RuleText[] {
  const caller = new Deck(random, ABOUT_CALLER);
  const about = { mcpAuthorization: new Deck(random, ABOUT_TOOL), authorization: new Deck(random, ABOUT_REQUEST) };
  const clause = (policy: Policy) => {
    if (policy === 'authorization' && random.chance(0.03)) return random.pick(UNSEEN);
    return (random.chance(0.25) ? about[policy] : caller).draw();
  };
  const build = (policy: Policy, depth: number): string => {
    const part = () => build(policy, depth - 1);
    if (depth === 0 || random.chance(0.35)) return clause(policy);
    return random.pick([
      ...[() => `${part()} && ${part()}`, () => `${part()} && ${part()}`],
      ...[() => `(${part()} || ${part()})`, () => `${part()} || ${part()}`, () => `!(${part()})`],
      ...[() => `(${part()} && ${part()}) || ${clause(policy)}`, () => `(has(jwt.azp) ? (${part()}) : (${part()}))`],
    ])();
  };
  return policy =>
    Array.from({ length: 1 + random.below(3) }, () => {
      const expression = build(policy, 2);
      return random.pick([
        expression,
        { allow: expression },
        { require: expression },
        { require: expression },
        { deny: expression },
      ]);
    });
}
