/** What can go wrong in the editor's surfaces themselves. */
export type ViewErrorCode =
  /** The person ended it; never shown. */
  | 'cancelled'
  /** A kubeconfig without contexts; args: files. */
  | 'kubeconfig.noContexts'
  /** The sandbox process ended before it was ready; args: problem. */
  | 'sandbox.failed';
