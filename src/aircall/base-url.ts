/**
 * Addresses that credentials may be sent to: an HTTPS base URL, or plain HTTP on this machine only (a sandbox). No others.
 */

export const DEFAULT_BASE_URL = 'https://api.aircall.io/v1';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** Without a slash at the end; undefined if credentials must not be sent there. */
export function parseBaseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, username, password, href } = new URL(text);
  const safe = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  // Also refuses an empty query or fragment: an appended path would become part of it.
  if (!safe || username !== '' || password !== '' || /[?#]/.test(href)) return undefined;
  return href.replace(/(?<!\/)\/+$/, '');
}
