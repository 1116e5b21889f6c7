import { explained } from './errors.ts';
import { items } from './items.ts';
import type { Context } from './context.ts';

/** Says of every item whether it is so; the number of those that are not. Changes nothing, also not the .env. */
export async function check(context: Context): Promise<number> {
  const { world, options } = context;
  let wrong = 0;
  for (const item of items(context)) {
    const found = await item.look().catch((error: unknown) => {
      throw explained(error, item.title);
    });
    world.print(
      `${found.state.padEnd(10)}${item.title}${found.state === 'ok' && found.note ? ` (${found.note})` : ''}`,
    );
    if (found.state === 'ok') continue;
    wrong++;
    world.print(`          ${found.why}: npm run tenant -- setup, or by hand: docs/setup-tenant.md#${item.anchor}`);
  }
  if (options.resource === undefined)
    world.print(
      'not looked at: the role on the Azure OpenAI account (--openai-resource says which): docs/setup-tenant.md#role-on-the-model',
    );
  world.print(wrong === 0 ? 'All is there.' : `${wrong} to mend.`);
  return wrong;
}
