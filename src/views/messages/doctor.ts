import type { DoctorErrorCode } from '../../doctor/errors.ts';
import type { Catalogue, Translate } from './catalogue.ts';
import { DoctorFixes } from './fixes/doctor.ts';
import type { Place } from './place.ts';

/** Words for what only the Doctor looks for. */
export function doctorMessages(t: Translate, place: Place): Catalogue<DoctorErrorCode> {
  const fixes = new DoctorFixes(t, place);
  const publish = t('Publish issuer and keys where Entra can read them: docs/setup-cluster.md has each way.');
  return {
    'doctor.imagePull': v => ({
      sentence: t(
        'The image {0} of pod {1} can’t be pulled ({2}): {3}',
        ...[v('image') || v('container'), v('pod'), v('reason'), v('detail') || t('no reason given')],
      ),
      next: t('Correct the image in the Deployment, or let the node reach its registry.'),
      who: 'clusterAdmin',
      fix: fixes.pod(v('pod')),
    }),
    'doctor.crashLoop': v => ({
      sentence: t(
        'The container {0} of pod {1} keeps ending ({2}, exit code {3}, {4} restarts).',
        ...[v('container'), v('pod'), v('reason'), v('exitCode'), v('restarts')],
      ),
      next: t('The log of the container that ended says why.'),
      who: 'clusterAdmin',
      fix: fixes.previousLog(v('pod'), v('container')),
    }),
    'doctor.unschedulable': v => ({
      sentence: t('No node takes the pod {0}: {1}', v('pod'), v('detail') || t('no reason given')),
      next: t('Give the cluster room, or lower what the pod asks for.'),
      who: 'clusterAdmin',
      fix: fixes.pod(v('pod')),
    }),
    'doctor.overridesOff': v => ({
      sentence: t(
        'The sidecar ignores which agent is asked for, because {0} is false ({1}): every token would be the blueprint’s.',
        ...[v('setting'), v('source')],
      ),
      next: t('Set it to true and restart the agent.'),
      who: 'clusterAdmin',
      fix: fixes.allowOverrides(),
    }),
    'doctor.oldSidecar': v => ({
      sentence: t('The sidecar is version {0}, which can give a request the agent of another one.', v('version')),
      next: t('Update the image to 1.1.1 or later.'),
      who: 'clusterAdmin',
      fix: fixes.updateSidecar(),
    }),
    'doctor.development': v => ({
      sentence: t('The sidecar runs as Development ({0}), which lets any caller in.', v('source')),
      next: t('Set ASPNETCORE_ENVIRONMENT to Production and restart the agent.'),
      who: 'clusterAdmin',
      fix: fixes.production(),
    }),
    'doctor.clientSecret': v => ({
      sentence: t('The blueprint proves itself with a secret in the cluster ({0}).', v('source')),
      next: t('Let it use the pod’s own ServiceAccount token instead: then there is no secret to lose.'),
      who: 'clusterAdmin',
      fix: fixes.useServiceAccountToken(),
    }),
    'doctor.noTokenFile': v => ({
      sentence: t('The sidecar reads its token from {0}, where the pod {1} mounts none.', v('path'), v('pod')),
      next: t('Mount the ServiceAccount token there, and restart the agent.'),
      who: 'clusterAdmin',
      fix: fixes.mountToken(v('path')),
    }),
    'doctor.tokenAudience': v => ({
      sentence: t(
        'The ServiceAccount token of pod {0} is for {1} and not for Entra, which refuses it.',
        ...[v('pod'), v('audience') || t('the API server')],
      ),
      next: t('Set the audience of the projected token, and restart the agent.'),
      who: 'clusterAdmin',
      fix: fixes.mountToken(v('path')),
    }),
    'doctor.issuerUnreadable': v => ({
      sentence: t('You may not read {0} of the API server, so the cluster’s issuer was not compared.', v('path')),
      next: t('Nothing needs it to connect; where Entra refuses the pod’s token, somebody who may read it can look.'),
      fix: fixes.letReadIssuer(),
    }),
    'doctor.issuerPrivate': v => ({
      sentence: t(
        'The cluster’s issuer {0} exists only inside the cluster, so Entra can’t read its keys.',
        v('issuer'),
      ),
      next: publish,
      who: 'clusterAdmin',
      fix: fixes.publishIssuer(),
    }),
    'doctor.issuerUnreachable': v => ({
      sentence: t('{0} can’t be read from here ({1}), so the published keys were not compared.', v('url'), v('reason')),
      next: t('Entra must be able to read it from the internet.'),
      who: 'clusterAdmin',
      fix: fixes.publishIssuer(),
    }),
    'doctor.issuerDiffers': v => ({
      sentence: t('{0} names the issuer {1}, the cluster is {2}.', v('url'), v('actual'), v('expected')),
      next: t('Publish the cluster’s own document there: both must be equal to the letter.'),
      who: 'clusterAdmin',
      fix: fixes.publishIssuer(),
    }),
    'doctor.keysDiffer': v => ({
      sentence: t(
        'None of the keys published at {0} ({1}) is the cluster’s ({2}), so Entra refuses its tokens.',
        ...[v('url'), v('published') || t('none'), v('actual') || t('none')],
      ),
      next: t('Publish the cluster’s keys again: a cluster that was made anew has new ones.'),
      who: 'clusterAdmin',
      fix: fixes.publishIssuer(),
    }),
    'doctor.scopeRefused': () => ({
      sentence: t('The sidecar’s /Validate wants another scope than the user token has (AzureAd__Scopes).'),
      next: t('Nothing else looks at it; remove the setting, or set it to the scope that people sign in for.'),
      who: 'clusterAdmin',
      fix: fixes.setScope(),
    }),
    'doctor.tokenCheck': () => ({
      sentence: t('A token does not stand each check; what was found says which one, and why.'),
      next: t('The Token Inspector shows the token, and each check with its reason.'),
      who: 'you',
      actions: ['agentId.showTokens'],
    }),
    'doctor.refusedByFile': v => ({
      sentence:
        v('status') === '200' // MCP: what the rules deny is left out of the list
          ? t('By its own file the gateway lists no tool for the agent on {0}.', v('path'))
          : t('By its own file the gateway refuses the agent on {0}: {1} {2}', v('path'), v('status'), v('answer')),
      next: t('What was found in the file says which rule or setting it is.'),
      who: 'clusterAdmin',
      actions: ['agentId.selectAgent', 'agentId.showTokens'],
    }),
    'doctor.noTools': v => ({
      sentence: t('The gateway answers on {0} and lists no tool for this agent.', v('path')),
      next: t('Its rules hide what they deny; “Gateway’s rules let the agent in” names the clause.'),
      who: 'clusterAdmin',
      fix: fixes.gatewayRules(v('path')),
      actions: ['agentId.selectAgent', 'agentId.showTokens'],
    }),
    'doctor.bundleHoldsSecret': v => ({
      sentence: t('The support bundle was not opened: something in it looks like a secret ({0}).', v('kinds')),
      next: t('Copy what you need from the page by hand, and please report this.'),
      who: 'you',
      actions: ['agentId.showLog'],
    }),
  };
}
