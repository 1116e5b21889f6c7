// `npm run sandbox`: only the sandbox, from its sources.
import '../src/sandbox/main.ts';
