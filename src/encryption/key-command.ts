/**
 * A key service that is an external command of the operator, in front of the holder of the master key: called as
 * `<command> wrap|unwrap <key id>`, it reads base64 from stdin and writes base64 to stdout. Keys are never arguments.
 */
import { spawnSync } from 'node:child_process';
import { KeyringError, type KeyService } from './key-file';

const TIMEOUT_MS = 10_000;
const OUTPUT_BYTES_MAX = 65_536;

export function createKeyCommand(command: string): KeyService {
  function call(action: 'wrap' | 'unwrap', keyId: string, bytes: Buffer): Buffer {
    const { status, stdout } = spawnSync(command, [action, keyId], {
      input: `${bytes.toString('base64')}\n`,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      maxBuffer: OUTPUT_BYTES_MAX,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const text = stdout?.trim() ?? '';
    if (status === 0 && text !== '' && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return Buffer.from(text, 'base64');
    const why =
      status === 0 ? 'its answer is no base64' : `exit status ${status ?? 'none: it did not run or did not end'}`;
    throw new KeyringError(
      'key-command-failed',
      `The command of AIRCALL_DSR_KEY_COMMAND could not ${action} key ${keyId} (${why}). See what it wrote to stderr.`,
    );
  }
  return {
    wrap: (keyId, key) => call('wrap', keyId, key),
    unwrap: (keyId, wrapped) => call('unwrap', keyId, wrapped),
  };
}
