import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import type { Account, SignInWay } from '../../../src/identity/signIn.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { browserPort, helps, signInChoices, waysHere, type Place } from '../../../src/views/signInWays.ts';
import { translate } from './support.ts';

const ALL: SignInWay[] = ['deviceCode', 'browser', 'editorAccount'];
const DESKTOP: Place = { desktop: true, server: undefined };
const ids = (place: Place, allowed = ALL) => waysHere(allowed, place).map(({ id }) => id);

describe('the ways to sign in', () => {
  it('are those that authority and client allow, the device code first', () => {
    assert.deepEqual(ids(DESKTOP), ALL);
    assert.deepEqual(ids(DESKTOP, ['browser', 'deviceCode']), ['deviceCode', 'browser']);
  });

  it('have the browser only where its answer can arrive', () => {
    assert.deepEqual(ids({ desktop: true, server: 'ssh-remote' }), ALL);
    for (const server of ['127.0.0.1:8080', 'localhost:8080', 'localhost', '[::1]:80'])
      assert.ok(ids({ desktop: false, server }).includes('browser'), server);
    for (const server of ['codespaces', 'code.example:8080', 'localhost.example:80', 'a b', '', undefined])
      assert.deepEqual(ids({ desktop: false, server }), ['deviceCode', 'editorAccount'], String(server));
  });
});

describe('the buttons of a sign-in that was blocked', () => {
  const labels = (error: AgentIdError, allowed = ALL, place = DESKTOP) =>
    sayer(translate, { helps: (action, failed) => helps(action, failed, waysHere(allowed, place)) })(error).actions.map(
      ({ label }) => label,
    );
  const BROWSER = 'Sign In with the Browser';
  const CODE = 'Use a Device Code';
  const EDITOR = 'Use the Editor’s Microsoft Account';

  it('offer the ways that are left', () => {
    const blocked = (way?: SignInWay) => new AgentIdError('signIn.blocked', { aadsts: 53003, ...(way && { way }) });
    assert.deepEqual(labels(blocked('deviceCode')), [BROWSER, EDITOR]);
    assert.deepEqual(labels(blocked('browser')), [CODE, EDITOR]);
    assert.deepEqual(labels(blocked('browser'), ['deviceCode', 'browser']), [CODE]);
    assert.deepEqual(labels(blocked('deviceCode'), ['deviceCode', 'browser'], { desktop: false, server: 'x' }), []);
    assert.deepEqual(labels(blocked()), [BROWSER, CODE, EDITOR]);
  });

  it('do not offer a device code for a session that was refused because one began it', () => {
    assert.deepEqual(labels(new AgentIdError('signIn.blocked', { aadsts: 530036 })), [BROWSER, EDITOR]);
  });

  it('stand beside a new code when the code ran out, and beside the settings for a client that may not', () => {
    const expired = new AgentIdError('signIn.deviceCodeExpired', { aadsts: 70020, way: 'deviceCode' });
    assert.deepEqual(labels(expired), [CODE, BROWSER, EDITOR]);
    const client = new AgentIdError('signIn.clientNotAllowed', { aadsts: 7000218, way: 'deviceCode' });
    assert.deepEqual(labels(client), [BROWSER, EDITOR, 'Open Settings']);
  });

  it('are not there while nothing is connected', () => {
    assert.deepEqual(labels(new AgentIdError('signIn.deviceCodeExpired'), []), []);
  });
});

describe('what can be chosen at a forced sign-in', () => {
  const account = (id: string): Account => ({ id, username: `${id}@contoso.example`, oid: id, tid: 't' });

  it('is every other user of this machine, and every way', () => {
    const choices = signInChoices(translate, [account('a'), account('b')], account('a'), waysHere(ALL, DESKTOP));
    assert.deepEqual(
      choices.map(choice => (choice.kind === 'account' ? choice.account.id : choice.way)),
      ['b', ...ALL],
    );
  });

  it('is one thing where only the device code works and nobody else is known', () => {
    const here = waysHere(['deviceCode'], DESKTOP);
    assert.equal(signInChoices(translate, [account('a')], account('a'), here).length, 1);
  });
});

describe('where the browser reaches a port', () => {
  it('is the same port on one machine, and the forwarded one for a remote', () => {
    assert.equal(browserPort('http://localhost:5000/', 5000), 5000);
    assert.equal(browserPort('http://localhost:6001', 5000), 6001);
    assert.equal(browserPort('http://127.0.0.1:6001/', 5000), 6001);
  });

  it('is not an address that Entra would refuse', () => {
    assert.equal(browserPort('http://127.0.0.1:8080/proxy/5000/', 5000), 5000);
    assert.equal(browserPort('https://name-5000.app.example/', 5000), 5000);
    assert.equal(browserPort('nonsense', 5000), 5000);
  });
});
