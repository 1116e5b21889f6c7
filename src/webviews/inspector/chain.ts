import type { InspectedToken } from '../../protocol/inspector.ts';
import { visible } from '../../protocol/visible.ts';
import { h } from '../shared/dom.ts';
import { icon } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';

/** How the tokens follow from each other. T1 is named where it belongs although nobody outside the sidecar sees it. */
export function tokenChain(tokens: readonly InspectedToken[]): HTMLElement {
  const [user, ...others] = tokens;
  const step = (name: string, detail: string, kind: string) =>
    h('li', { class: kind }, h('strong', {}, name), h('span', {}, detail));
  return h(
    'ol',
    { class: 'chain', 'aria-label': t('How the tokens follow from each other') },
    step(visible(user?.label ?? t('User token (Tc)')), t('you sign in'), ''),
    h('li', { class: 'arrow', 'aria-hidden': 'true' }, icon('chevron')),
    step(t('T1 (stays in the sidecar)'), t('the agent proves itself; never seen here'), 'unseen'),
    h('li', { class: 'arrow', 'aria-hidden': 'true' }, icon('chevron')),
    step(others.map(token => visible(token.label)).join(' · ') || t('T2'), t('the agent, on behalf of you'), ''),
  );
}
