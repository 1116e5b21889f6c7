import { type ChatItem, type ChatOperation, type ChatState } from './chat.ts';
import { clip, LIMITS } from './common.ts';

/**
 * The state after one operation, or undefined when it does not fit (an unknown id, a second item with a known id, an
 * item of another kind): then the receiver has lost its way and asks for a snapshot. The host keeps its own state with
 * the same function, so the two can't differ.
 */
export function applyToChat(state: ChatState, operation: ChatOperation): ChatState | undefined {
  switch (operation.op) {
    case 'mode':
      return { ...state, mode: operation.mode };
    case 'busy':
      return { ...state, busy: operation.busy };
    case 'prompts':
      return { ...state, prompts: operation.prompts };
    case 'add':
      if (state.items.some(item => item.id === operation.item.id)) return undefined;
      return { ...state, items: [...state.items, operation.item].slice(-LIMITS.items) };
    case 'update':
      return replace(state, operation.item.id, item =>
        item.kind === operation.item.kind ? operation.item : undefined,
      );
    case 'append':
      return replace(state, operation.id, item =>
        item.kind === 'assistant'
          ? { ...item, text: clip(item.text + operation.text, LIMITS.assistantText) }
          : undefined,
      );
    case 'remove':
      if (!state.items.some(item => item.id === operation.id)) return undefined;
      return { ...state, items: state.items.filter(item => item.id !== operation.id) };
  }
}

function replace(state: ChatState, id: string, change: (item: ChatItem) => ChatItem | undefined) {
  const index = state.items.findLastIndex(item => item.id === id); // almost always the newest
  const item = state.items[index];
  const changed = item && change(item);
  return changed && { ...state, items: state.items.with(index, changed) };
}
