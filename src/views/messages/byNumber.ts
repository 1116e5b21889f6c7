import type { Said, Translate, Value } from './catalogue.ts';
import { trail } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import { EntraFixes } from './fixes/entra.ts';
import type { Place } from './place.ts';

type Refine = (value: Value) => Partial<Said>;
type Refinements = Partial<Record<number, Refine>>;

/**
 * Where Entra's number says more than the code that it leads to: another sentence, another person, another change. Only
 * a hint hangs on it, since numbers may change; the code is chosen in `identity/entraError`. Source of the numbers:
 * MicrosoftDocs/entra-docs, docs/identity-platform/reference-error-codes.md.
 */
export function refinementsOf(t: Translate, place: Place): (said: Said, code: string, value: Value) => Said {
  const tables: Partial<Record<string, Refinements>> = {
    signIn: signInNumbers(t, place),
    sidecar: sidecarNumbers(t, place),
  };
  return (said, code, value) => {
    const refined = tables[code.split('.')[0] ?? '']?.[Number(value('aadsts'))]?.(value) ?? {};
    const { fix, ...rest } = said;
    // another person does not get the change that was meant for the first
    return { ...rest, ...(fix !== undefined && !refined.who && { fix }), ...refined };
  };
}

/** Sign-in and its renewal: who is asked is the sign-in client, on a machine of the user. */
function signInNumbers(t: Translate, place: Place): Refinements {
  const entra = new EntraFixes(t, place);
  const cluster = new ClusterFixes(t, place);
  const device: Refine = v => ({
    sentence: t('A Conditional Access policy wants a managed device, which this sign-in did not show{0}.', trail(v)),
    next: t('Sign in another way on a managed device, or ask an Entra admin for an exception.'),
    fix: entra.policyException(
      t('exclude the group of the user for the sign-in client {0} from the device requirement.', place.get('clientId')),
    ),
  });
  const bug: Refine = v => ({
    sentence: t('Entra could not read the request: {0}{1}', v('detail'), trail(v)),
    next: t('Update the extension; if it stays, report this message.'),
    who: 'you',
    actions: ['agentId.showLog'],
  });
  return {
    50196: v => ({
      sentence: t('Entra was asked too often and wants a pause{0}.', trail(v)),
      next: t('Wait a few minutes, then sign in again.'),
    }),
    50097: device,
    53000: device,
    53001: device,
    53002: v => ({
      sentence: t(
        'A Conditional Access policy allows only approved applications, and the sign-in client is none{0}.',
        trail(v),
      ),
      fix: entra.policyException(t('exclude the sign-in client {0}, or the group of the user.', place.get('clientId'))),
    }),
    65002: v => ({
      sentence: t('The sign-in client is Microsoft’s own and may not ask for this blueprint{0}.', trail(v)),
      next: t('Set agentId.clientId to a public client of your tenant.'),
      who: 'you',
      actions: ['agentId.openSettings'],
    }),
    82001: agentAsClient(t),
    82014: agentAsClient(t),
    90002: () => ({ fix: cluster.setSidecar({ AzureAd__TenantId: t('<tenant id>') }) }),
    90095: v => ({
      sentence: t('A request for an admin’s consent was sent and waits for an answer{0}.', trail(v)),
      next: t('Ask an Entra admin to answer it, then sign in again.'),
      fix: entra.approveRequest(),
    }),
    530035: v => ({
      sentence: t('The tenant’s security defaults block this sign-in{0}.', trail(v)),
      next: t('Sign in another way, or ask an Entra admin.'),
      fix: t(
        'Security defaults know no exceptions. Entra admin center, Overview, Properties, Manage security defaults: switch them off only together with Conditional Access policies that take their place.',
      ),
    }),
    530036: v => ({
      sentence: t('A policy of the tenant blocks the way in which this sign-in began{0}.', trail(v)),
      next: t('Sign in another way, or ask an Entra admin for an exception.'),
    }),
    650057: v => ({
      sentence: t('The permissions of the sign-in client do not name the blueprint{0}.', trail(v)),
      next: t('Ask an Entra admin to add the permission.'),
      fix: entra.requirePermission(),
    }),
    700025: v => ({
      sentence: t('The sign-in client is public, and a secret was sent for it{0}.', trail(v)),
      next: t('Look for a proxy that changes the request.'),
      who: 'network',
    }),
    70003: bug,
    90014: bug,
    900144: bug,
    9002313: bug,
  };
}

function agentAsClient(t: Translate): Refine {
  return v => ({
    sentence: t('The sign-in client is an agent, and an agent can’t sign people in{0}.', trail(v)),
    next: t('Set agentId.clientId to a public client of your tenant.'),
    who: 'you',
    actions: ['agentId.openSettings'],
  });
}

/** The exchange: who is asked is the blueprint (T1) or the agent identity (T2), from the pod. */
function sidecarNumbers(t: Translate, place: Place): Refinements {
  const entra = new EntraFixes(t, place);
  const cluster = new ClusterFixes(t, place);
  const device: Refine = v => ({
    sentence: t('A Conditional Access policy wants a managed device before “{0}” may be used{1}.', v('api'), trail(v)),
    next: t('Sign in again on a managed device, or ask an Entra admin for an exception.'),
  });
  const scope: Refine = v => ({
    sentence: t('The scope that the sidecar asks for “{0}” can’t be used: {1}{2}', v('api'), v('detail'), trail(v)),
    next: t('Ask a cluster admin to correct it; one API has one resource.'),
    who: 'clusterAdmin',
    fix: cluster.setScope(v('api')),
  });
  const agentLimit: Refine = v => ({
    sentence: t('Entra does not let an agent identity get the token for “{0}” in this way{1}.', v('api'), trail(v)),
    next: t('Ask an Entra admin to grant it; nobody can consent to it in person.'),
    fix: entra.grantToAgent(v('api')),
  });
  const bug: Refine = () => ({
    next: t('Ask a cluster admin to update the sidecar: its request can’t be read.'),
    who: 'clusterAdmin',
    fix: t('Use a current image of mcr.microsoft.com/entra-sdk/auth-sidecar for the container “sidecar”.'),
  });
  const credential =
    (what: string): Refine =>
    () => ({ fix: entra.federatedCredential(what) });
  const keys: Refine = () => ({
    next: t('Ask a cluster admin to publish the cluster’s keys again.'),
    who: 'clusterAdmin',
    fix: cluster.publishKeys(),
  });
  const noSecret: Refine = () => ({
    next: t('Ask a cluster admin to let the sidecar use the ServiceAccount’s token, and no secret.'),
    who: 'clusterAdmin',
    fix: cluster.useServiceAccountToken(),
  });
  const later: Refine = v => ({
    sentence: t('Entra could not answer the sidecar at the moment{0}.', trail(v)),
    next: t('Try again in a minute.'),
    who: 'you',
    actions: ['agentId.showTokens'],
  });
  const sessionOver: Refine = v => ({
    sentence: t('Your sign-in has ended, so the agent gets no token for you{0}.', trail(v)),
    next: t('Sign in again.'),
    who: 'you',
    actions: ['agentId.forceSignIn'],
  });
  const notOurs: Refine = () => ({ fix: cluster.setIdentity() });
  return {
    28000: scope,
    50013: notOurs,
    500131: notOurs,
    500133: v => ({
      sentence: t('Your user token was too old when the sidecar used it{0}.', trail(v)),
      next: t('Check the clock of this machine, then sign in again.'),
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    50097: device,
    50105: v => ({
      sentence: t('You are not assigned to the application behind “{0}”{1}.', v('api'), trail(v)),
      next: t('Ask an Entra admin to assign you.'),
      who: 'entraAdmin',
      fix: entra.assignUserTo(v('api')),
    }),
    50132: sessionOver,
    50173: sessionOver,
    50196: later,
    53000: device,
    53001: device,
    70000: sessionOver,
    70003: bug,
    70008: sessionOver,
    70011: scope,
    70021: credential(t('No federated credential fits the token that the pod shows.')),
    70043: sessionOver,
    82001: agentLimit,
    82014: agentLimit,
    90002: v => ({
      sentence: t('The sidecar asks in a tenant that does not exist{0}.', trail(v)),
      next: t('Ask a cluster admin to correct AzureAd__TenantId.'),
      who: 'clusterAdmin',
      fix: cluster.setIdentity(),
    }),
    90014: bug,
    90033: later,
    650053: scope,
    700022: scope,
    700024: () => ({
      next: t('Ask a cluster admin to check the node’s clock and to restart the agent.'),
      who: 'clusterAdmin',
      fix: cluster.renewToken(),
    }),
    700027: keys,
    700082: sessionOver,
    700084: sessionOver,
    700211: credential(t('The issuer differs, often by a slash at its end.')),
    700212: credential(t('The audience differs.')),
    700213: credential(t('The subject differs: namespace or ServiceAccount.')),
    700214: credential(t('The audience of the credential must be api://AzureADTokenExchange.')),
    700223: credential(t('No federated credential fits the token that the pod shows.')),
    700231: noSecret,
    900144: bug,
    1002012: scope,
    7000114: v => ({
      sentence: t('What the sidecar got as your token is an application’s{0}.', trail(v)),
      next: t('Sign in again.'),
      who: 'you',
      actions: ['agentId.forceSignIn'],
    }),
    7000215: noSecret,
    7000222: noSecret,
    7000272: keys,
    7000274: keys,
    7002121: credential(t('No federated credential fits issuer, subject and audience together.')),
    9002313: bug,
  };
}
