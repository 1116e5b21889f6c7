import type { Decision } from '../../protocol/chat.ts';
import type { ActionId } from '../../protocol/common.ts';

/** What the parts of the conversation can ask for. */
export interface Actions {
  approve(callId: string, decision: Decision, reason?: string): void;
  /** Take up the turn that ended with this notice. */
  retry(id: string): void;
  copy(text: string): void;
  run(id: ActionId): void;
  send(text: string): void;
  /** To a screen reader, when something is finished. */
  announce(text: string): void;
  /** To a screen reader, when the person is needed. */
  interrupt(text: string): void;
}

/** A part of the conversation. `quiet` is true while history is replayed: nothing is announced then. */
export interface ItemView<Item> {
  readonly element: HTMLElement;
  /** The turn waits for the person here. */
  readonly waiting?: boolean;
  update(item: Item, quiet: boolean): void;
}
