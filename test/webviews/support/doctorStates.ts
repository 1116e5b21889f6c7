import { CHECKS, type CheckId } from '../../../src/doctor/report.ts';
import type { DoctorCheck, DoctorState } from '../../../src/protocol/doctor.ts';
import { checkGroup, checkTitle } from '../../../src/views/messages/doctorWords.ts';
import { consentMissing } from './states.ts';

const english = (message: string, ...args: (string | number)[]) =>
  message.replace(/\{(\d)\}/g, (_all, index: string) => String(args[Number(index)]));

function row(id: CheckId, change: Partial<DoctorCheck> = {}): DoctorCheck {
  const nothing = { remarks: [], facts: [], findings: [] };
  return {
    id,
    group: checkGroup(english, id),
    title: checkTitle(english, id),
    status: 'passed',
    ms: 41,
    ...nothing,
    ...change,
  };
}

const rows = (changes: Partial<Record<CheckId, Partial<DoctorCheck>>>): DoctorCheck[] =>
  CHECKS.map(id => row(id, changes[id]));

const credential = {
  label: 'Federated credential that the blueprint needs',
  value:
    'POST https://graph.microsoft.com/v1.0/applications(appId=\'3f1c0d5e-1111-4222-8333-944455556666\')/microsoft.graph.agentIdentityBlueprint/federatedIdentityCredentials\nContent-Type: application/json\n\n{\n  "issuer": "https://oidc.example/very/long/path/that/has/to/wrap/somewhere/in/a/narrow/view/"\n}',
};
const federation: Partial<DoctorCheck> = {
  facts: [
    { label: 'Issuer of the cluster', value: 'https://oidc.prod-aks.azure.com/9d4f6a1b-27c8-4e35-8a60-f1b2c3d4e5a7/' },
    { label: 'Subject', value: 'system:serviceaccount:agent-id:agent-blueprint' },
  ],
  text: credential,
};
const tokens: Partial<DoctorCheck> = {
  findings: [
    {
      title: 'User token (Tc): Signature',
      outcome: 'ok',
      sentence: 'Signed by the tenant (key 9T_Hn68UfIyTUGadw1G9).',
    },
    { title: 'T2 for MCP: Blueprint', outcome: 'unknown', sentence: 'The token does not name the blueprint.' },
  ],
};
const notChecked = (needs: string): Partial<DoctorCheck> => ({
  status: 'blocked',
  ms: undefined,
  note: `It needs “${needs}”.`,
});
const forbidden = {
  sentence: 'You may not create pods/portforward in namespace agent-id.',
  nextStep: 'Ask a cluster administrator for the Role agent-id-user (k8s/base) in that namespace.',
  who: 'clusterAdmin' as const,
  fix: 'kubectl create rolebinding agent-id-user --role=agent-id-user --user=<user> -n agent-id',
  actions: [{ id: 'agentId.showLog' as const, label: 'Show Log' }],
};

/** The page's states by name; `now` in milliseconds since the epoch. */
export function doctors(now: number): Record<'green' | 'running' | 'failed' | 'waiting' | 'refused', DoctorState> {
  return {
    green: { phase: 'ended', summary: 'All 21 checks passed.', checks: rows({ federation, tokens }) },
    running: {
      phase: 'running',
      checks: rows({
        rbac: { status: 'running', ms: undefined },
        ...Object.fromEntries(CHECKS.slice(4).map(id => [id, { status: 'pending', ms: undefined }])),
      }),
    },
    failed: {
      phase: 'ended',
      summary: '1 failed, and 17 that depend on it were not looked at.',
      checks: rows({
        rbac: {
          status: 'failed',
          failure: forbidden,
          facts: [{ label: 'Missing rights', value: 'create pods/portforward' }],
        },
        ...Object.fromEntries(CHECKS.slice(4).map(id => [id, notChecked('Your rights in the namespace')])),
      }),
    },
    waiting: {
      phase: 'running',
      about: 'research-agent in namespace agent-id, context kind-agent-id',
      began: Date.UTC(2026, 10, 20, 12),
      checks: rows({
        federation: {
          ...federation,
          status: 'unknown',
          failure: {
            ...forbidden,
            sentence: 'You may not read /openid/v1/jwks of the API server, so nothing was compared.',
          },
        },
        sidecar: {
          status: 'remarks',
          remarks: [
            {
              ...forbidden,
              sentence: 'The sidecar is version 1.0.0, which can give a request the agent of another one.',
            },
          ],
        },
        mcpToken: {
          status: 'waiting',
          ms: undefined,
          failure: consentMissing,
          nextTry: now + 12_500,
          until: now + 300_000,
        },
        mcp: { status: 'pending', ms: undefined },
        tools: { status: 'pending', ms: undefined },
      }),
    },
    refused: {
      phase: 'ended',
      summary: '2 failed, 19 passed.',
      checks: rows({
        preflight: {
          status: 'failed',
          failure: { ...forbidden, sentence: 'By its own file the gateway refuses the agent on /mcp: 200 no tools.' },
          findings: [
            { title: '/llm/openai', outcome: 'ok', sentence: 'The gateway’s file lets the agent in.' },
            {
              title: '/mcp',
              outcome: 'bad',
              sentence: 'jwt.appid is 8d…, which is none of those that the rule allows.',
              fix: "Line 61 of the gateway’s file:\n- jwt.appid in ['7e02']\n+ jwt.appid in ['7e02', '8d']",
            },
          ],
        },
        tools: { status: 'failed', failure: { ...forbidden, sentence: 'The gateway lists no tool for this agent.' } },
      }),
    },
  };
}
