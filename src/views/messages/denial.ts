import type { ToolCallState } from '../../agent/toolCall.ts';
import type { Failure } from '../../protocol/common.ts';
import type { Translate } from './catalogue.ts';
