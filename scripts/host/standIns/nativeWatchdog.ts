// Takes the place of the native module @vscode/native-watchdog: the extension host asks it to end the process when its
// parent is gone, even while JavaScript is busy. A timer can't do the last part; for a test host that is enough.

/** Ends this process with code 87, as the native module does, once the process `parent` is gone. */
export function start(parent: number): void {
  setInterval(() => {
    try {
      process.kill(parent, 0);
    } catch {
      process.exit(87);
    }
  }, 1000).unref();
}

export function exit(code: number): void {
  process.exit(code);
}
