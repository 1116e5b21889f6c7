/**
 * A message that a notification shows to the letter: the editor makes a link of `[text](address)`, even one that runs a
 * command (VS Code, src/vs/base/common/linkedText.ts), and what others said may be in the message.
 */
export const plainMessage = (text: string): string => text.replaceAll('](', '] (');
