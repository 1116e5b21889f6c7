import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * The arrows of docs/architecture.md: each room and what it may import from `src/`.
 * A room that is not named in its list is out of reach for it.
 */
const rooms = {
  base: [],
  protocol: [],
  identity: ['base'],
  cluster: ['base'],
  gateway: ['base', 'identity', 'cluster'],
  mcp: ['base', 'identity', 'cluster', 'gateway'],
  agent: ['base', 'identity', 'cluster', 'gateway', 'mcp'],
  doctor: ['base', 'identity', 'cluster', 'gateway', 'mcp', 'agent'],
  views: ['base', 'identity', 'cluster', 'gateway', 'mcp', 'agent', 'doctor', 'protocol', 'settings'],
  webviews: ['protocol'],
  sandbox: [],
};
const everything = [...Object.keys(rooms), 'settings', 'extension'];

/** Libraries that must never be reachable statically from `extension.ts`: they are loaded on first use. */
const heavy = ['@kubernetes/client-node', 'undici', '@azure/msal-node', 'openai', '@modelcontextprotocol/sdk'];

const layer = (room, allowed) => {
  const banned = everything.filter(other => other !== room && !allowed.includes(other));
  const patterns = [
    {
      regex: `^(\\.\\./)+(${banned.join('|')})(/|\\.ts$)`,
      message: `src/${room} may only import ${allowed.join(', ') || 'nothing'} from src.`,
    },
  ];
  if (room !== 'views')
    patterns.push({ regex: '^vscode$', message: 'Only extension.ts, settings.ts and views import vscode.' });
  return {
    files: [`src/${room}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns,
          paths:
            room === 'sandbox'
              ? []
              : heavy.map(name => ({
                  name,
                  allowTypeImports: true,
                  message: 'A heavy library: load it with import() where it is first used.',
                })),
        },
      ],
    },
  };
};

export default tseslint.config(
  { ignores: ['dist/', 'out/', 'node_modules/', '.vscode-test/'] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './src/webviews/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-console': 'error',
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['scripts/**', 'test/**', 'src/sandbox/main.ts'],
    rules: {
      'no-console': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
              package: 'node:test',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', setInterval: 'readonly' },
    },
  },
  ...Object.entries(rooms).map(([room, allowed]) => layer(room, allowed)),
);
