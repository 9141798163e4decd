/** Files that a command line names: receipts and keys. */
import type { KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { privateKeyIn, publicKeysIn } from '../encryption/signing-key';
import { usage } from './errors';

const FILE_BYTES_MAX = 256 * 1024 * 1024;

/** Of a PEM file, or of what `keys public --json` printed. @throws {CommandError} `usage` */
export async function publicKeysOf(file: string): Promise<string[]> {
  const bytes = await contentOf(file, 'The file of --key');
  try {
    const text = bytes.toString('utf8');
    const keys = publicKeysIn(text.trimStart().startsWith('{') ? pemsIn(text) : text);
    if (keys.length > 0) return keys;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw usage('The file of --key holds no Ed25519 public key. `aircall-dsr keys public` prints ours.');
}

/** The private key of an approver. @throws {CommandError} `usage` */
export async function privateKeyOf(file: string): Promise<KeyObject> {
  const bytes = await contentOf(file, 'The file with the key of the approver');
  try {
    return privateKeyIn(bytes.toString('utf8'));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw usage('The file of --key holds no Ed25519 private key in PEM without a password.');
}

const printedKeys = z.object({ keys: z.array(z.object({ publicKey: z.string() })) });

function pemsIn(json: string): string {
  try {
    const { keys } = printedKeys.parse(JSON.parse(json));
    return keys.map(({ publicKey }) => publicKey).join('\n');
  } catch {
    throw new TypeError('not what `keys public --json` prints');
  }
}

/** @param what the file, in words. @throws {CommandError} `usage` */
export async function contentOf(file: string, what: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size <= FILE_BYTES_MAX) return await readFile(file);
  } catch {
    throw usage(`${what} cannot be read.`);
  }
  throw usage(`${what} is larger than 256 MiB.`);
}
