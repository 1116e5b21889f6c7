import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { openStudio, type View, type Webview } from './harness.ts';

type Studio = Awaited<ReturnType<typeof openStudio>>;
type Options = Parameters<Studio['open']>[1];

/**
 * The page that each test of a file opens: one browser for the file, a page of its own for each test, which must have
 * nothing to complain of at its end.
 */
export function viewTests<State, Operation>(view: View, size: Options = {}) {
  let studio: Studio;
  let webview: Webview;
  let seq = 0;
  before(async () => void (studio = await openStudio()));
  after(() => studio.close());
  afterEach(async () => {
    assert.deepEqual(webview.complaints, [], 'the page has nothing to complain of');
    await webview.close();
  });
  return {
    get page() {
      return webview.page;
    },
    /** Opens the page and shows it a state; `now` is the host's clock. */
    open: async (state: State, { now = Date.now(), ...options }: Options & { now?: number } = {}): Promise<void> => {
      webview = await studio.open(view, { ...size, ...options });
      assert.deepEqual(await webview.posted(), [{ type: 'ready' }]);
      await webview.send({ type: 'snapshot', seq: (seq = 0), now, state });
    },
    patch: (...operations: Operation[]) => webview.send({ type: 'patch', seq: ++seq, operations }),
    send: (...messages: unknown[]) => webview.send(...messages),
    posted: () => webview.posted(),
    saved: () => webview.saved(),
    close: () => webview.close(),
    theme: (...[name]: Parameters<Webview['theme']>) => webview.theme(name),
  };
}
