import { chmod, rename, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { ClientCertificate } from './credentials.ts';

export interface KubeconfigValues {
  server: string;
  caPem: string;
  namespace: string;
  context: string;
  adminContext: string;
  token: string;
  admin: ClientCertificate;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Writes a kubeconfig with two contexts, in one step, so that nobody reads half a file. */
export async function writeKubeconfig(file: string, values: KubeconfigValues): Promise<void> {
  const { context, adminContext, namespace, token, admin } = values;
  const entry = (name: string, user: string) => ({ name, context: { cluster: context, namespace, user } });
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    clusters: [
      {
        name: context,
        cluster: { server: values.server, 'certificate-authority-data': base64(values.caPem) },
      },
    ],
    contexts: [entry(context, `${context}-developer`), entry(adminContext, adminContext)],
    users: [
      { name: `${context}-developer`, user: { token } },
      {
        name: adminContext,
        user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) },
      },
    ],
  };
  await writeFile(`${file}.new`, stringify(config), { mode: 0o600 });
  await chmod(`${file}.new`, 0o600); // a file that was there already keeps its mode otherwise
  await rename(`${file}.new`, file);
}
