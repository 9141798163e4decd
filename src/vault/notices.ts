/**
 * What a company tells people of its processing (Art. 15(1) GDPR): Markdown, a text for each language, or the statement that it informs
 * them in another way. An object of its own, because every step reads the connection. It belongs to one incarnation: another company
 * under the same name never hands it out.
 */
import { z } from 'zod';
import { LANGUAGES, type Language } from '../request/options';
import { readable } from './errors';
import type { Vault } from './vault';

/** Of the text of one language, in UTF-8. */
export const NOTICE_BYTES_MAX = 131_072;

const texts = z.partialRecord(z.enum(LANGUAGES), z.string().min(1).max(NOTICE_BYTES_MAX));
/** Markdown by language. */
export type NoticeTexts = Readonly<z.infer<typeof texts>>;

const schema = z.strictObject({
  /** Of the connection, UNIX ms. */
  incarnation: z.number().int().min(1),
  /** `none`: the company informs people in another way. */
  notice: z.union([z.literal('none'), texts.refine(given => Object.keys(given).length > 0)]),
});
type Stored = z.infer<typeof schema>;
export type Notice = Stored['notice'];

export interface Notices {
  /** The last one of any company under the name; undefined if there is none. @throws {VaultError} `notice-broken` */
  storedNotice(name: string): Promise<Stored | undefined>;
  /** Likewise, of this company. */
  notice(connection: Incarnate): Promise<Notice | undefined>;
  /** Stores it whatever is there. */
  setNotice(connection: Incarnate, notice: Notice): Promise<void>;
  forgetNotice(name: string): Promise<void>;
}

interface Incarnate {
  readonly name: string;
  readonly incarnation: number;
}

export function createNotices(vault: Vault): Notices {
  const keyOf = (name: string) => `notices/${name}`;
  const storedNotice = (name: string) =>
    readable('notice-broken', `notice of ${name}`, async () => {
      const stored = await vault.get(keyOf(name));
      return stored && schema.parse(JSON.parse(stored.value.toString()));
    });
  return {
    storedNotice,
    async notice({ name, incarnation }) {
      const stored = await storedNotice(name);
      return stored?.incarnation === incarnation ? stored.notice : undefined;
    },
    setNotice: ({ name, incarnation }, notice) =>
      vault.replace(keyOf(name), Buffer.from(JSON.stringify(schema.parse({ incarnation, notice })))),
    forgetNotice: name => vault.delete(keyOf(name)),
  };
}

/** The text in the first of these languages that has one, else in the first that there is. */
export function noticeText(
  notice: NoticeTexts,
  languages: readonly Language[],
): { readonly language: Language; readonly text: string } | undefined {
  for (const language of [...languages, ...LANGUAGES]) {
    const text = notice[language];
    if (text !== undefined) return { language, text };
  }
  return undefined;
}

/** What commands say of it: its languages, `none`, or null if nothing is known. */
export type NoticeShown = readonly Language[] | 'none' | null;

export function noticeShown(notice: Notice | undefined): NoticeShown {
  if (notice === undefined) return null;
  return notice === 'none' ? notice : LANGUAGES.filter(language => notice[language] !== undefined);
}
