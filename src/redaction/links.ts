/** Which links in a text are keys: anybody who has one can open the file. Facts: docs/aircall.md 7. */
import { signedFrom } from '../signed-links';

/** Records are read to this depth; deeper parts are left out. */
export const DEPTH_MAX = 48;

/** Hosts of Aircall and of its store, whose links are keys without a signature too. */
const HOSTS = /(?:^|\.)(?:aircall\.io|amazonaws\.com)\.?$/i;

/** Whether a link opens a file for anybody who has it, as far as it shows. @param link from its scheme on, if it has one */
export function isKeyLink(link: string): boolean {
  return signedFrom(link) !== undefined || HOSTS.test(hostOf(link));
}

function hostOf(link: string): string {
  // Not URL: it refuses what a browser still opens, and is slow on long texts.
  const [, host = ''] = /^(?:https?:\/\/)?(?:[^/?#@]*@)?([^/?#:\\]*)/i.exec(link) ?? [];
  return host;
}
