import * as v from 'valibot';

/** What survives the view: the draft, and what the reader was looking at. Never a message, never a token. */
const schema = v.object({
  draft: v.string(),
  /** The item at the top of the view and how far it is scrolled past, in CSS pixels; absent at the end. */
  anchor: v.optional(v.object({ id: v.string(), offset: v.number() })),
});
export type SavedChat = v.InferOutput<typeof schema>;

/** What was kept, or a fresh start where it is from another version. */
export function parseSavedChat(data: unknown): SavedChat {
  const parsed = v.safeParse(schema, data);
  return parsed.success ? parsed.output : { draft: '' };
}

/** The item at the top of the box, so that the same text is in view again whatever the width. */
export function anchorOf(box: HTMLElement): SavedChat['anchor'] {
  const top = box.getBoundingClientRect().top;
  for (const element of box.querySelectorAll<HTMLElement>('[data-id]')) {
    const rect = element.getBoundingClientRect();
    if (rect.bottom > top) return { id: element.dataset.id ?? '', offset: Math.round(top - rect.top) };
  }
  return undefined;
}

/** Scrolls the anchor back to the top of the box; false when it is gone. */
export function scrollToAnchor(box: HTMLElement, anchor: NonNullable<SavedChat['anchor']>): boolean {
  for (const element of box.querySelectorAll<HTMLElement>('[data-id]')) {
    if (element.dataset.id !== anchor.id) continue;
    const rect = element.getBoundingClientRect();
    box.scrollTop += rect.top - box.getBoundingClientRect().top + anchor.offset;
    return true;
  }
  return false;
}
