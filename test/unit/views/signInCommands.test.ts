import assert from 'node:assert/strict';
import { setImmediate as settle } from 'node:timers/promises';
import { describe, it } from 'node:test';
import type { ConnectionPlan } from '../../../src/agent/configuration.ts';
import type { Connection } from '../../../src/agent/connection.ts';
import type { InteractiveSignIn } from '../../../src/agent/personSignIn.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { UserToken } from '../../../src/identity/signIn.ts';
import { SignInCommands } from '../../../src/views/signInCommands.ts';

const plan = { deployment: 'research-agent' } as ConnectionPlan;
const usual: InteractiveSignIn = () => Promise.reject(new Error('nobody is asked here'));
const browser: InteractiveSignIn = () => Promise.reject(new Error('nobody is asked here'));

/** A window: what its commands led to, a connect that goes on as the test says, and who is signed in. */
function startWindow() {
  const did: string[] = [];
  const session: { plan: ConnectionPlan | undefined; connection: Connection | undefined } = {
    plan: undefined,
    connection: undefined,
  };
  const connection = (username?: string) =>
    ({
      account: username === undefined ? undefined : { username },
      start: async (signIn: unknown) =>
        void did.push(signIn === usual ? 'start' : signIn ? 'start with another way' : 'start without asking'),
      forceSignIn: async (signIn: unknown) => void did.push(signIn === browser ? 'anew in the browser' : 'anew'),
    }) as unknown as Connection;
  const commands = new SignInCommands({
    session,
    usual,
    connect: async (next, signIn) => {
      assert.equal(next, plan);
      did.push(signIn === browser ? 'connect with the browser' : 'connect');
    },
    begin: async () => void did.push('begin'),
    use: work => work(session.connection!, AbortSignal.timeout(10_000)),
  });
  /** A connect under way; the returned functions take it on. */
  const connecting = () => {
    const end = Promise.withResolvers<void>();
    const question = Promise.withResolvers<UserToken>();
    const goOn = Promise.withResolvers<void>();
    const person: InteractiveSignIn = () => question.promise;
    Object.assign(session, { plan, connection: connection() });
    const ended = commands.follow(person, async asked => {
      await goOn.promise;
      await asked!({} as never, AbortSignal.timeout(10_000));
      session.connection = connection('ana@contoso.example');
      await end.promise;
    });
    ended.catch(() => {}); // what a connect fails with is said by itself
    return {
      /** The person sees the code. */
      ask: async () => (goOn.resolve(), settle()),
      /** They have entered it; the steps go on. */
      answer: async () => (question.resolve({} as UserToken), settle()),
      cancel: async () => (question.reject(new AgentIdError('cancelled')), settle()),
      end: async () => (end.resolve(), settle()),
    };
  };
  /** Runs a command; whether it has ended. */
  const press = (command: Promise<void>) => {
    const state = { ended: false };
    command.then(() => (state.ended = true)).catch(() => {});
    return state;
  };
  return { commands, did, session, connection, connecting, press };
}

describe('Sign In', () => {
  it('begins where nothing is on, and signs in where nobody is', async () => {
    const { commands, did, session, connection } = startWindow();
    await commands.signIn();
    session.connection = connection();
    await commands.signIn();
    assert.deepEqual(did, ['begin', 'start']);
  });

  it('waits while a connect works, and does nothing when that has signed in by itself', async () => {
    const { commands, did, session, connection, press } = startWindow();
    const end = Promise.withResolvers<void>();
    Object.assign(session, { plan, connection: connection() });
    const ended = commands.follow(usual, () => end.promise);
    const pressed = press(commands.signIn());
    await settle();
    assert.equal(pressed.ended, false);
    session.connection = connection('ana@contoso.example');
    end.resolve();
    await ended;
    await settle();
    assert.deepEqual([pressed.ended, did], [true, []], 'the connect was left alone');
  });

  it('signs in when the connect that it waited for is over without anybody', async () => {
    const { commands, did, session, connection } = startWindow();
    const end = Promise.withResolvers<void>();
    Object.assign(session, { plan, connection: connection() });
    const ended = commands.follow(undefined, () => end.promise); // at start-up, where nobody may be asked
    const pressed = commands.signIn();
    await settle();
    assert.deepEqual(did, []);
    end.resolve();
    await Promise.all([ended, pressed]);
    assert.deepEqual(did, ['start']);
  });

  it('is done when the connect that it waited for asks: the code is there', async () => {
    const { commands, did, connecting, press } = startWindow();
    const connect = connecting();
    const pressed = press(commands.signIn());
    await connect.ask();
    assert.equal(pressed.ended, true);
    assert.deepEqual(did, []);
  });

  it('does not wait for a code that is shown already: the person has lost sight of it, and gets another', async () => {
    const { commands, did, connecting } = startWindow();
    await connecting().ask();
    await commands.signIn();
    assert.deepEqual(did, ['connect']);
  });

  it('waits again once the code was entered', async () => {
    const { commands, did, connecting, press } = startWindow();
    const connect = connecting();
    await connect.ask();
    await connect.answer();
    const pressed = press(commands.signIn());
    await settle();
    assert.equal(pressed.ended, false);
    await connect.end();
    assert.equal(pressed.ended, true);
    assert.deepEqual(did, []);
  });

  it('asks again when the code was cancelled', async () => {
    const { commands, did, connecting } = startWindow();
    const connect = connecting();
    await connect.ask();
    await connect.cancel();
    await commands.signIn();
    assert.deepEqual(did, ['start']);
  });
});

describe('another way to sign in', () => {
  it('waits while a connect works, then signs in anew', async () => {
    const { commands, did, session, connection } = startWindow();
    const end = Promise.withResolvers<void>();
    Object.assign(session, { plan, connection: connection('ana@contoso.example') });
    const ended = commands.follow(undefined, () => end.promise);
    const pressed = commands.anew(browser);
    await settle();
    assert.deepEqual(did, []);
    end.resolve();
    await Promise.all([ended, pressed]);
    assert.deepEqual(did, ['anew in the browser']);
  });

  it('takes the place of a code that is shown, or comes to be shown', async () => {
    for (const first of ['ask', 'press'] as const) {
      const { commands, did, connecting } = startWindow();
      const connect = connecting();
      if (first === 'ask') await connect.ask();
      const pressed = commands.anew(browser);
      if (first === 'press') await connect.ask();
      await pressed;
      assert.deepEqual(did, ['connect with the browser'], first);
    }
  });

  it('waits for the connect that took the place of another', async () => {
    const { commands, did, connecting, press } = startWindow();
    const first = connecting();
    const pressed = press(commands.anew(browser));
    const second = connecting();
    await first.ask();
    await first.cancel();
    assert.deepEqual([pressed.ended, did], [false, []]);
    await second.ask();
    assert.deepEqual([pressed.ended, did], [true, ['connect with the browser']]);
  });

  it('needs a connection', async () => {
    const { commands } = startWindow();
    await assert.rejects(commands.anew(browser), { code: 'agent.notConnected' });
  });
});

describe('a sign-in of the Doctor', () => {
  it('is taken up by a connection that has none, and asks nobody', async () => {
    const { commands, session, did, connection } = startWindow();
    await commands.takeUp();
    assert.deepEqual(did, [], 'there is no connection');
    session.connection = connection();
    await commands.takeUp();
    assert.deepEqual(did, ['start without asking']);
    session.connection = connection('ana@contoso.example');
    await commands.takeUp();
    assert.equal(did.length, 1, 'whoever acts goes on acting');
  });

  it('waits for a connect that works, and leaves one alone that asks', async () => {
    const { commands, connecting, did } = startWindow();
    const connect = connecting();
    const taken = commands.takeUp();
    await connect.ask();
    await taken;
    await commands.takeUp();
    assert.deepEqual(did, []);
    await connect.answer();
    await connect.end();
  });
});
