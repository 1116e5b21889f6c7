import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { asText } from '../../../src/protocol/fixers.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import { plainMessage } from '../../../src/views/plainMessage.ts';
import { translate } from './support.ts';

/** What the editor takes for a link in a notification, after it made spaces of line ends. */
const LINK = /\[[^\]]+\]\((?:https?:\/\/|command:|file:)[^)\s]+(?: (["']).+?\1)?\)/i;

test('what others said is no link in a notification, whatever it is written like', () => {
  for (const detail of [
    '[Sign in again](command:workbench.action.terminal.sendSequence?%7B%22text%22%3A%22id%22%7D)',
    '[a](https://evil.example "your tenant")',
    '[[a](command:one)](command:two)',
    '[a](file:///etc/passwd)',
  ]) {
    const said = asText(translate, sayer(translate)(new AgentIdError('mcp.rejected', { server: 'x', detail })), ' ');
    assert.match(said, LINK, 'the sentence quotes it as it is');
    assert.doesNotMatch(plainMessage(said).replace(/\s/g, ' '), LINK);
  }
  assert.equal(plainMessage('AADSTS65001 (see [1]).'), 'AADSTS65001 (see [1]).');
});
