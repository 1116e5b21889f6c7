import type { ConnectionPlan } from '../agent/configuration.ts';
import { isCancellation } from '../base/errors.ts';
import { supportBundle, type BundleParts } from '../doctor/bundle.ts';
import { examine, type DoctorDeps, type Examination } from '../doctor/doctor.ts';
import { CHECKS, type CheckId } from '../doctor/report.ts';
import type { ActionId } from '../protocol/common.ts';
import {
  applyToDoctor,
  emptyDoctor,
  parseFromDoctor,
  type DoctorOperation,
  type DoctorState,
} from '../protocol/doctor.ts';
import { doctorAbout, doctorRow, doctorSummary, type DoctorRowWords } from './doctorRow.ts';
import { Feed, type Post } from './feed.ts';
import { sayer, type Occasion } from './messages/index.ts';
import type { Translate } from './messages/catalogue.ts';
import type { Known } from './messages/place.ts';
import { knownOf } from './place.ts';

export interface DoctorViewDeps {
  t: Translate;
  /** What an examination needs, taken anew for each. */
  prepare(): Promise<DoctorDeps>;
  helps: Occasion['helps'];
  /** The far side of a remote window: a kubeconfig may be on the other one. */
  remote: Known['remote'];
  /** What the support bundle says of everything but the checks. */
  support(): Promise<Pick<BundleParts, 'environment' | 'settings' | 'log' | 'home' | 'secrets'>>;
  /** Shows the support bundle, to be read before it is copied or saved. */
  offerBundle(json: string): Promise<void>;
  runAction(id: ActionId): void;
  copyText(text: string): void;
  /** What went wrong before the first check, and is shown elsewhere. */
  report(error: unknown): void;
  log(message: string): void;
}

/** What is behind the Doctor's page: it runs an examination and keeps the page up to date. */
export class DoctorController {
  readonly #deps: DoctorViewDeps;
  readonly #feed = new Feed<DoctorState, DoctorOperation>(emptyDoctor, applyToDoctor);
  readonly #words: DoctorRowWords;
  #examination: Examination | undefined;
  #running: AbortController | undefined;
  /** The run that the page shows: the one before, until a new one has begun. */
  #shown: AbortController | undefined;

  constructor(deps: DoctorViewDeps) {
    this.#deps = deps;
    const known = () => this.#known();
    this.#words = { t: deps.t, say: sayer(deps.t, { known, helps: deps.helps }), known };
  }

  /** A message of the page. */
  receive(data: unknown, post: Post): void {
    const message = parseFromDoctor(data);
    switch (message?.type) {
      case undefined:
        return this.#deps.log('The Doctor’s page sent a message that is none of its own; it was ignored.');
      case 'ready':
      case 'needSnapshot':
        return this.#feed.attach(post, { now: Date.now() });
      case 'run':
        return void this.run();
      case 'stop':
        return this.#running?.abort();
      case 'wake':
        return this.#examination?.wake(message.check as CheckId, message.again);
      case 'bundle':
        return void this.#bundle();
      case 'copyText':
        return this.#deps.copyText(message.text);
      case 'runAction':
        return this.#deps.runAction(message.id);
    }
  }

  /** Examines anew; what still runs is stopped. */
  async run(): Promise<void> {
    this.#running?.abort();
    const running = (this.#running = new AbortController());
    const { t } = this.#deps;
    try {
      const deps = await this.#deps.prepare();
      running.signal.throwIfAborted();
      let named = false;
      const name = (plan: ConnectionPlan | undefined) => {
        if (named || !plan) return;
        named = true;
        this.#feed.change({ op: 'about', about: doctorAbout(t, plan) });
      };
      const changed = (id: CheckId) => {
        const state = examination?.report.get(id);
        if (!state || this.#shown !== running) return;
        name(examination?.plan);
        this.#feed.change({ op: 'check', check: doctorRow(id, state, this.#words) });
      };
      let examination: Examination | undefined;
      const pending = CHECKS.map(id => doctorRow(id, { kind: 'pending' }, this.#words));
      this.#shown = running;
      this.#feed.change({ op: 'begin', began: Date.now(), checks: pending });
      name(deps.plan);
      this.#examination = examination = examine(deps, changed, running.signal);
      await examination.ended;
      if (this.#shown === running) this.#feed.change({ op: 'end', summary: doctorSummary(t, examination.report) });
    } catch (error) {
      if (!isCancellation(error)) this.#deps.report(error);
    }
  }

  dispose(): void {
    this.#running?.abort();
    this.#running = this.#shown = undefined;
    this.#feed.detach(); // a webview that is gone refuses messages
  }

  async #bundle(): Promise<void> {
    const examination = this.#examination;
    if (!examination) return;
    try {
      const { report, subject } = examination;
      const support = await this.#deps.support();
      const secrets = [...support.secrets, ...examination.secrets];
      await this.#deps.offerBundle(supportBundle({ ...support, report, subject, secrets, now: new Date() }));
    } catch (error) {
      this.#deps.report(error);
    }
  }

  #known(): Known {
    const { plan, subject, user } = this.#examination ?? {};
    const { remote } = this.#deps;
    const { context, namespace, deployment } = plan ?? {};
    const sandbox = plan?.mode === 'sandbox';
    return {
      ...(remote && { remote }),
      ...(context && namespace && deployment && { context, namespace, deployment, sandbox }),
      ...(subject && knownOf({ ...subject, context: subject.api.context }, sandbox, user)),
    };
  }
}
