/**
 * The addresses that a host name stands for, checked before a connection is made to one of them: the connection is made to the very
 * address that was checked, so that a name that changes its address between check and use leads nowhere else.
 */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** All addresses of a host name; rejects if it has none. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** The code of the error of a connection whose host has an address that is not public. */
export const NOT_PUBLIC = 'ADDRESS_NOT_PUBLIC';

class NotPublic extends Error {
  override readonly name = 'NotPublic';
  readonly code = NOT_PUBLIC;
}

/** Not of this machine, its network or a provider's, and of no range with a special use, in whatever notation. */
export function isPublicAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/**
 * For an agent. With `publicOnly`, a host with one address that is not public is refused, whatever else it has: nobody's
 * storage has such a name.
 */
export function createLookup(resolve: Resolve, { publicOnly }: { readonly publicOnly: boolean }): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      addresses => {
        const [first] = addresses;
        if (first === undefined || (publicOnly && !addresses.every(({ address }) => isPublicAddress(address))))
          callback(new NotPublic('not a public address'), '');
        else if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}
