import type { Http2ServerResponse } from 'node:http2';
import type { RunningPod } from './controller.ts';
import { wholeNumber } from './read.ts';
import { badRequest } from './status.ts';
import type { KubeObject } from './types.ts';
import { podSpec } from './workloads.ts';

/** Answers `pods/log`; with `follow` it goes on until the function that it returns is called, or the pod stops. */
export function podLog(
  object: KubeObject,
  pod: RunningPod,
  query: URLSearchParams,
  response: Http2ServerResponse,
): () => void {
  const names = podSpec(object).containers.map(container => container.name);
  const container = query.get('container') ?? names[0] ?? '';
  if (names.length > 1 && !query.get('container'))
    throw badRequest(`a container name must be specified for pod ${pod.name}, choose one of: [${names.join(' ')}]`);
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${pod.name}`);
  if (pod.stage === 'pending')
    throw badRequest(`container "${container}" in pod "${pod.name}" is waiting to start: ContainerCreating`);

  const tail = wholeNumber(query, 'tailLines');
  const shown = tail === undefined ? pod.log : tail === 0 ? [] : pod.log.slice(-tail);
  // Lines are kept with their time in front, which only `timestamps` shows.
  const line = (entry: string) =>
    `${query.get('timestamps') === 'true' ? entry : entry.slice(entry.indexOf(' ') + 1)}\n`;
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write(shown.map(line).join(''));
  const onLog = (entry: string) => void response.write(line(entry));
  const end = () => {
    pod.onLog.delete(onLog);
    pod.onStop.delete(end);
    response.end();
  };
  if (query.get('follow') === 'true') {
    pod.onLog.add(onLog);
    pod.onStop.add(end);
  } else {
    end();
  }
  return end;
}
