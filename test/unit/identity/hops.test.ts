import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeToken } from '../../../src/identity/claims.ts';
import { describeChain } from '../../../src/identity/hops.ts';
import { AGENT, AUTHORITY, BLUEPRINT, CLIENT, fixture, jwt, TENANT } from './support.ts';

const APPS = { clientAppId: CLIENT, blueprintAppId: BLUEPRINT, agentAppId: AGENT };
const decode = (name: string) => decodeToken(jwt(fixture(name)));

describe('describeChain', () => {
  it('says of each token who asked for it, with what, for whom, and where it goes', () => {
    assert.deepEqual(describeChain(decode('tc-v2'), decode('t2-mcp-v1'), APPS), [
      {
        id: 'tc',
        seen: true,
        issuer: `${AUTHORITY}/v2.0`,
        requester: 'client',
        requesterAppId: CLIENT,
        presents: ['userSignIn'],
        presentedTo: 'sidecar',
        audience: BLUEPRINT,
        expiresAt: 1772376722000,
        version: '2.0',
      },
      {
        id: 't1',
        seen: false,
        requester: 'blueprint',
        requesterAppId: BLUEPRINT,
        presents: ['workloadIdentity'],
        presentedTo: 'entra',
        audience: 'fb60f99c-7a34-4190-8149-302f77469936',
        audienceUri: 'api://AzureADTokenExchange',
        forAgent: AGENT,
      },
      {
        id: 't2',
        seen: true,
        issuer: `https://sts.windows.net/${TENANT}/`,
        requester: 'agent',
        requesterAppId: AGENT,
        presents: ['t1', 'tc'],
        presentedTo: 'gateway',
        audience: 'api://d00dfeed-5555-4666-8777-888899990000',
        expiresAt: 1772375991000,
        version: '1.0',
      },
    ]);
  });

  it('says who did ask, not who should have', () => {
    const t2 = describeChain(undefined, decode('blueprint-v1'), APPS).at(-1);
    assert.equal(t2?.requesterAppId, BLUEPRINT);
  });

  it('invents nothing about a token that it has not seen', () => {
    for (const hop of describeChain(undefined, undefined, {})) {
      assert.equal(hop.seen, false);
      for (const field of ['issuer', 'expiresAt', 'version', 'requesterAppId'] as const)
        assert.equal(hop[field], undefined, `${hop.id} ${field}`);
    }
  });
});
