import { cpSync } from 'node:fs';
import path from 'node:path';
import { type Front, startFront } from './front.ts';
import { installVsCode } from './install.ts';
import { temporaryDirectory } from './processes.ts';
import { installVsix, prepareFolders, type ServerFolders, startServer, type VsCodeServer } from './server.ts';

export interface Host {
  readonly front: Front;
  readonly server: VsCodeServer;
  readonly folders: ServerFolders;
  /** Ends server and front and removes the folders. */
  readonly stop: () => Promise<void>;
}

export interface HostOptions {
  /** The packed extension to install. */
  vsix?: string;
  /** Folders of further extensions. */
  extensions?: string[];
  /** The user's settings, on top of those of a quiet workbench. */
  settings?: Record<string, unknown>;
  smokeDriver?: boolean;
  env?: NodeJS.ProcessEnv;
  log(line: string): void;
}

/** A throw-away VS Code behind its front, ready to be opened in a browser. */
export async function startHost(options: HostOptions): Promise<Host> {
  const home = await installVsCode(line => options.log(line));
  const directory = temporaryDirectory('vscode');
  const undo: (() => Promise<void> | void)[] = [directory.remove];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const folders = prepareFolders(path.join(directory.path), options.settings);
    for (const extension of options.extensions ?? [])
      cpSync(extension, path.join(folders.extensions, path.basename(extension)), { recursive: true }); // before VS Code lists what is there
    if (options.vsix) await installVsix(home, folders, options.vsix);
    const server = await startServer(home, folders, { smokeDriver: options.smokeDriver, env: options.env });
    undo.push(server.stop);
    const front = await startFront(server);
    undo.push(front.close);
    return { front, server, folders, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
