import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { failure, simulated, text, withArguments, type Tool } from './tools.ts';

/** The tools of a small server that stands outside the gateway, for "add MCP server". */
export const toolbox = (clock: { now(): number }): readonly Tool[] => [
  {
    name: 'add',
    title: 'Add two numbers',
    description: simulated('Add two numbers and return their sum.'),
    inputSchema: {
      type: 'object',
      properties: {
        a: { type: 'number', description: 'First number' },
        b: { type: 'number', description: 'Second number' },
      },
      required: ['a', 'b'],
    },
    annotations: { readOnlyHint: true },
    run: withArguments(v.object({ a: v.number(), b: v.number() }), ({ a, b }) => text(String(a + b))),
  },
  {
    name: 'echo',
    title: 'Echo a text',
    description: simulated('Echo a text: return it as it came.'),
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: 'The text to return' } },
      required: ['text'],
    },
    annotations: { readOnlyHint: true },
    run: withArguments(v.object({ text: v.string() }), args => text(args.text)),
  },
  {
    name: 'current_time',
    title: 'Tell the time',
    description: simulated('Tell the current date and time, in UTC or in a time zone.'),
    inputSchema: {
      type: 'object',
      properties: { timeZone: { type: 'string', description: 'IANA name such as Europe/Berlin', default: 'UTC' } },
    },
    annotations: { readOnlyHint: true },
    run: withArguments(v.object({ timeZone: v.optional(v.string(), 'UTC') }), ({ timeZone }) => {
      try {
        const format = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long', timeZone });
        return text(format.format(clock.now()));
      } catch {
        return failure(`${timeZone} is not a time zone.`);
      }
    }),
  },
  {
    name: 'slow_count',
    title: 'Count slowly',
    description: simulated('Count up to a number slowly, and report progress after each step.'),
    inputSchema: {
      type: 'object',
      properties: {
        steps: { type: 'integer', description: 'How far to count', minimum: 1, maximum: 100, default: 5 },
        stepMilliseconds: {
          type: 'integer',
          description: 'Pause before each step',
          minimum: 0,
          maximum: 10000,
          default: 400,
        },
      },
    },
    annotations: { readOnlyHint: true },
    run: withArguments(
      v.object({
        steps: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), 5),
        stepMilliseconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000)), 400),
      }),
      async ({ steps, stepMilliseconds }, { signal, progress }) => {
        for (let step = 1; step <= steps; step++) {
          await sleep(stepMilliseconds, undefined, { signal });
          await progress(step, steps, `counted ${step} of ${steps}`);
        }
        return text(`Counted to ${steps}.`);
      },
    ),
  },
  {
    name: 'always_fails',
    title: 'Fail',
    description: simulated('Fail on purpose, to show how a failed tool call looks.'),
    inputSchema: { type: 'object', properties: {} },
    annotations: { readOnlyHint: true },
    run: () => failure('This tool fails on purpose.'),
  },
  {
    name: 'word_count',
    title: 'Count words',
    description: simulated('Count the words and characters of a text. Returns structured content.'),
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: 'The text to measure' } },
      required: ['text'],
    },
    outputSchema: {
      type: 'object',
      properties: { words: { type: 'integer' }, characters: { type: 'integer' } },
      required: ['words', 'characters'],
    },
    annotations: { readOnlyHint: true },
    run: withArguments(v.object({ text: v.string() }), args => {
      const structuredContent = {
        words: args.text.split(/\s+/).filter(Boolean).length,
        characters: [...args.text].length,
      };
      return { ...text(JSON.stringify(structuredContent)), structuredContent };
    }),
  },
];
