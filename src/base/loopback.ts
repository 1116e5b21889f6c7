import { isIP } from 'node:net';

/** True for the names and addresses of this machine, as `URL.hostname` writes them. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
