/** The notice of a company as commands read and show it. `connect --notice` names a folder with a Markdown file for each language. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LANGUAGES } from '../request/options';
import { NOTICE_BYTES_MAX, type NoticeShown, type NoticeTexts } from '../vault/notices';
import { usage } from './errors';

const MARKDOWN = /\.md$/i;
const NAMES: readonly string[] = LANGUAGES.map(language => `${language}.md`);

/** `hold the notice of the company (en, fr)`: said of access packages. */
export function noticeWords(shown: NonNullable<NoticeShown>): string {
  if (shown === 'none') return 'hold no notice: the company informs people in another way';
  return `hold the notice of the company (${shown.join(', ')})`;
}

/** All of its texts; files that are no Markdown are passed over. @throws {CommandError} `usage` */
export async function noticeIn(folder: string): Promise<NoticeTexts> {
  const names = (await namesIn(folder)).filter(name => MARKDOWN.test(name));
  if (names.length === 0) throw usage(`The folder of --notice has no Markdown file. It takes ${NAMES.join(', ')}.`);
  if (names.some(name => !NAMES.includes(name)))
    throw usage(`The folder of --notice has a Markdown file of another name than ${NAMES.join(', ')}.`);
  const texts = await Promise.all(
    LANGUAGES.filter(language => names.includes(`${language}.md`)).map(
      async language => [language, await textOf(folder, `${language}.md`)] as const,
    ),
  );
  return Object.fromEntries(texts);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    throw usage('--notice takes a folder that can be read, or none.');
  }
}

async function textOf(folder: string, name: string): Promise<string> {
  const bytes = await contentOf(join(folder, name));
  if (bytes === undefined) throw usage(`${name} in the folder of --notice is no file that can be read.`);
  if (bytes === 'too-large')
    throw usage(`${name} in the folder of --notice is larger than ${NOTICE_BYTES_MAX / 1024} KiB.`);
  const text = decoded(bytes);
  if (text === undefined) throw usage(`${name} in the folder of --notice is not UTF-8.`);
  if (text.trim() === '') throw usage(`${name} in the folder of --notice is empty.`);
  return text;
}

/** Undefined if it is no file, or cannot be read. */
async function contentOf(path: string): Promise<Buffer | 'too-large' | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return undefined;
    return found.size > NOTICE_BYTES_MAX ? 'too-large' : await readFile(path);
  } catch {
    return undefined;
  }
}

/** Without the mark of UTF-8 at its beginning. */
function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
