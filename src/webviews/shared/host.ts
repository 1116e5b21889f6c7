interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

/** What a view may ask of the editor. The editor hands its API out once, and nothing else in the page gets hold of it. */
export interface Host<Message> {
  post(message: Message): void;
  /** What `save` kept, unparsed: it survives the view, so another version may have written it. */
  restore(): unknown;
  save(state: unknown): void;
}

/** Connects the page to the editor; `listener` gets every message of the host, unparsed. */
export function connectHost<Message>(listener: (data: unknown) => void): Host<Message> {
  const api = acquireVsCodeApi();
  window.addEventListener('message', event => listener(event.data));
  return {
    post: message => api.postMessage(message),
    restore: () => api.getState(),
    save: state => api.setState(state),
  };
}
