/** Commands about keys. They print ids, never keys. */
import { generateKeyFile } from '../encryption/keyring';
import { answer, EXIT, type Exit, type Output } from './output';

export async function generateKeys(options: Output): Promise<Exit> {
  const { primary, ids } = generateKeyFile(process.env.AIRCALL_DSR_KEYS, new Date());
  answer(options, { primary, keys: ids }, [
    `Made a key file with key ${primary}, readable by you only.`,
    'Back it up: without it nothing in the vault and no history can be read.',
  ]);
  return EXIT.done;
}
