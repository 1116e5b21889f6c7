import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { Emitter } from '../../../src/base/event.ts';
import { createSignIn, type EditorAccounts } from '../../../src/identity/signIn.ts';
import { AUTHORITY, BLUEPRINT, MemorySecrets, SCOPE, TENANT, USER, fakeFetch, json } from './support.ts';
import { fixture, fresh, jwt, recordingLogger, type Payload } from './support.ts';

const OWN_CLIENT = '0f0f0f0f-1111-4222-8333-444455556666';
const ACCOUNT = { id: 'home.account', label: 'robin@contoso.example' };
const token = (claims: Payload = {}) => jwt({ ...fixture('tc-v2'), ...fresh(), oid: USER, ...claims });
const soon = () => AbortSignal.timeout(5_000);

/** A stand-in for the editor's provider: what it was asked, and what it answers. */
class StandIn implements EditorAccounts {
  asked: { scopes: readonly string[]; options: unknown }[] = [];
  renewed = 0;
  known = true;
  answer: () => Promise<string> = async () => token();
  renewal: () => string | undefined = () => token();
  readonly changed = new Emitter<string>();
  readonly onDidChange = this.changed.event;
  silent: EditorAccounts['silent'] = async () => {
    this.renewed++;
    const accessToken = this.renewal();
    return accessToken === undefined ? undefined : { accessToken, account: ACCOUNT };
  };
  ask: EditorAccounts['ask'] = async (scopes, options) => {
    this.asked.push({ scopes, options });
    return { accessToken: await this.answer(), account: ACCOUNT };
  };
  knows = async () => this.known;
}

function open(editorAccounts: EditorAccounts | undefined, secrets = new MemorySecrets(), authority = AUTHORITY) {
  const network = fakeFetch(() => json({}));
  const config = { authority, clientId: OWN_CLIENT, scopes: [SCOPE] };
  const deps = { secrets, fetch: network.fetch, logger: recordingLogger(), ...(editorAccounts && { editorAccounts }) };
  return createSignIn(config, deps);
}

describe('the editor’s Microsoft account', () => {
  it('is a way only with an application of one’s own, in Entra’s worldwide cloud', async () => {
    const editor = new StandIn();
    assert.deepEqual((await open(editor)).ways, ['deviceCode', 'browser', 'editorAccount']);
    assert.deepEqual((await open(undefined)).ways, ['deviceCode', 'browser']);
    const elsewhere = await open(editor, undefined, `https://login.microsoftonline.us/${TENANT}`);
    assert.deepEqual(elsewhere.ways, ['deviceCode', 'browser']);
  });

  it('is asked for our application, tenant and scope; its token is kept by the editor alone', async () => {
    const [editor, secrets] = [new StandIn(), new MemorySecrets()];
    const signIn = await open(editor, secrets);
    const signed = await signIn.editorAccount({ signal: soon() });
    assert.deepEqual(editor.asked, [
      {
        scopes: [`VSCODE_CLIENT_ID:${OWN_CLIENT}`, `VSCODE_TENANT:${TENANT}`, SCOPE, 'offline_access'],
        options: { anew: false },
      },
    ]);
    assert.equal(signed.account.oid, USER);
    assert.deepEqual(await signIn.accounts(), [signed.account]);
    assert.doesNotMatch([...secrets.values.values()].join(''), /eyJ/);
    assert.equal((await signIn.silent({}))?.raw, signed.raw);
    assert.equal(editor.renewed, 0, 'from memory');
  });

  it('is told the user and the claims challenge', async () => {
    const editor = new StandIn();
    const signIn = await open(editor);
    const { account } = await signIn.editorAccount({ signal: soon() });
    await signIn.editorAccount({ account, claims: '{}', anew: true, signal: soon() });
    assert.deepEqual(editor.asked[1]?.options, { account: ACCOUNT, claims: '{}', anew: true });
  });

  it('renews silently in the next window', async () => {
    const [editor, secrets] = [new StandIn(), new MemorySecrets()];
    await (await open(editor, secrets)).editorAccount({ signal: soon() });
    const next = await open(editor, secrets);
    assert.equal((await next.silent({}))?.account.oid, USER);
    assert.equal(editor.renewed, 1);
    assert.equal(editor.asked.length, 1);
  });

  const hostile: [code: string, claims: Payload][] = [
    ['userToken.wrongAudience', { aud: OWN_CLIENT }],
    ['userToken.wrongTenant', { tid: BLUEPRINT }],
    ['userToken.scopeMissing', { scp: 'other' }],
    ['userToken.expired', { exp: 1 }],
  ];
  for (const [code, claims] of hostile) {
    it(`checks its token: ${code}`, async () => {
      const [editor, secrets] = [new StandIn(), new MemorySecrets()];
      editor.answer = async () => token(claims);
      await assert.rejects((await open(editor, secrets)).editorAccount({ signal: soon() }), { code });
      assert.equal(secrets.values.size, 0);
    });
  }

  it('that the person leaves is a cancel; any other failure is said', async () => {
    const editor = new StandIn();
    const signIn = await open(editor);
    editor.answer = () => Promise.reject(new AgentIdError('cancelled'));
    await assert.rejects(signIn.editorAccount({ signal: soon() }), { code: 'cancelled' });
    editor.answer = () => Promise.reject(new Error('Timed out waiting for authentication provider'));
    await assert.rejects(signIn.editorAccount({ signal: soon() }), {
      code: 'signIn.editorAccount',
      args: { reason: 'Timed out waiting for authentication provider', way: 'editorAccount' },
    });
  });

  it('a cancel takes effect at once, and its later session signs nobody in', async () => {
    const [editor, secrets, abort] = [new StandIn(), new MemorySecrets(), new AbortController()];
    const late = Promise.withResolvers<string>();
    editor.answer = () => late.promise;
    const signIn = await open(editor, secrets);
    const running = signIn.editorAccount({ signal: abort.signal });
    abort.abort(new AgentIdError('cancelled'));
    await assert.rejects(running, { code: 'cancelled' });
    late.resolve(token());
    await new Promise(resolve => void setTimeout(resolve, 20));
    assert.equal(secrets.values.size, 0);
    assert.equal(await signIn.silent({}), undefined);
  });

  it('removed from the editor is signed out here as well', async () => {
    const [editor, secrets] = [new StandIn(), new MemorySecrets()];
    const signIn = await open(editor, secrets);
    await signIn.editorAccount({ signal: soon() });
    editor.known = false;
    editor.renewal = () => undefined;
    assert.deepEqual(await signIn.accounts(), []);
    assert.equal(await signIn.silent({}), undefined, 'not from memory either');
    assert.equal(await signIn.silent({ forceRefresh: true }), undefined);
    editor.known = true; // put back for another purpose: that signs nobody in here
    editor.renewal = () => token();
    assert.equal(await (await open(editor, secrets)).silent({}), undefined);
  });

  it('removed while nobody looked is signed out at the next renewal', async () => {
    const [editor, secrets] = [new StandIn(), new MemorySecrets()];
    const signIn = await open(editor, secrets);
    await signIn.editorAccount({ signal: soon() });
    editor.known = false;
    editor.renewal = () => undefined;
    assert.equal(await signIn.silent({ forceRefresh: true }), undefined);
    assert.doesNotMatch([...secrets.values.values()].join(''), /editor:/);
  });

  it('that gives no token without asking is said, and stays signed in', async () => {
    const editor = new StandIn();
    const signIn = await open(editor);
    await signIn.editorAccount({ signal: soon() });
    editor.renewal = () => undefined;
    await assert.rejects(signIn.silent({ forceRefresh: true }), { code: 'signIn.editorAccount' });
    assert.equal((await signIn.accounts()).length, 1);
  });

  it('is forgotten here by a sign-out, in every window', async () => {
    const [editor, secrets] = [new StandIn(), new MemorySecrets()];
    const [one, two] = [await open(editor, secrets), await open(editor, secrets)];
    await one.editorAccount({ signal: soon() });
    assert.ok(await two.silent({}));
    await two.signOut();
    assert.deepEqual(await one.accounts(), []);
    assert.equal(await one.silent({}), undefined);
    assert.ok(editor.known, 'the editor keeps it');
  });
});
