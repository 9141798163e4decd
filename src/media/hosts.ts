/**
 * Where recordings and voicemails may be downloaded from: Aircall's storage, hosts that the operator named, and with a base URL on this
 * machine (a sandbox) its origin. Whoever writes what Aircall returns must not choose any other host. Facts: docs/aircall.md 7.
 */
import { isLoopback } from '../aircall/base-url';

export interface NamedHost {
  /** In the form of `URL.hostname`. */
  readonly hostname: string;
  /** Not given: that of the protocol. */
  readonly port?: number;
}

/** `storage`: HTTPS, public addresses only; `named`: as the operator named it, private addresses and HTTP too. */
export type Place = 'storage' | 'named';

/** A bucket of Amazon S3 as a host name, with or without its region; a host of Aircall. */
const STORAGE =
  /^(?:[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\.s3(?:\.dualstack)?(?:[.-][a-z]{2}(?:-[a-z]{2,10}){1,2}-\d)?\.amazonaws\.com|(?:[a-z0-9-]{1,63}\.){1,5}aircall\.io)$/;

export const NAMED_HOSTS_MAX = 100;

/** A comma list of `host` and `host:port`; IPv6 addresses in brackets. Undefined if it is none, or has more than `NAMED_HOSTS_MAX`. */
export function parseMediaHosts(text: string): readonly NamedHost[] | undefined {
  const entries = text
    .split(',')
    .map(entry => entry.trim())
    .filter(entry => entry !== '');
  const hosts = entries.flatMap(entry => parseHost(entry) ?? []);
  return hosts.length === entries.length && hosts.length <= NAMED_HOSTS_MAX ? hosts : undefined;
}

function parseHost(entry: string): NamedHost | undefined {
  const [, name = '', port] = /^([\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const url = `http://${name}${port === undefined ? '' : `:${port}`}/`;
  if (name === '' || !URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return { hostname, ...(port !== undefined && { port: Number(port) }) };
}

/**
 * Which sort of place a link leads to; undefined: none that media may come from.
 * @param baseUrl of the connection whose API returned the link; undefined once it is disconnected
 */
export function placeOf(link: URL, hosts: readonly NamedHost[], baseUrl: string | undefined): Place | undefined {
  const { protocol, hostname, username, password, origin, port } = link;
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '' || password !== '') return undefined;
  const isNamed = hosts.some(
    named => named.hostname === hostname && (named.port ?? defaultPort(protocol)) === portOf(link),
  );
  const base = baseUrl === undefined ? undefined : new URL(baseUrl);
  if (isNamed || (base !== undefined && isLoopback(base.hostname) && base.origin === origin)) return 'named';
  return protocol === 'https:' && port === '' && STORAGE.test(hostname) ? 'storage' : undefined;
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? defaultPort(protocol) : Number(port);
}

function defaultPort(protocol: string): number {
  return protocol === 'https:' ? 443 : 80;
}
