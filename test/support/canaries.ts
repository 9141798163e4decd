/**
 * What must be readable nowhere, in every form that it may take on its way, and the search for it, which tells how much it
 * looked at.
 */

/** A text as it may be written somewhere: letter cases, URL and JSON escapes, hexadecimal, UTF-16, base64 at each of three offsets. */
export function formsOf(text: string): Buffer[] {
  const cases = [...new Set([text, text.toLowerCase(), text.toUpperCase()])];
  const written = cases.flatMap(each => {
    const ascii = each.replace(/[^\x20-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
    return [each, ascii, encodeURIComponent(each), encodeURIComponent(encodeURIComponent(each)), ...coded(each)];
  });
  const forms = [...new Set(written)].map(form => Buffer.from(form));
  return [...forms, Buffer.from(text, 'utf16le')].filter(({ length }) => length >= FORM_BYTES_MIN);
}

/** A telephone number: as given, its digits alone, without its country, grouped as people write it. */
export function numberForms(number: string): Buffer[] {
  const digits = number.replace(/\D/g, '');
  const [area, middle, end] = [digits.slice(-10, -7), digits.slice(-7, -4), digits.slice(-4)];
  const grouped = [`${area}-${middle}-${end}`, `(${area}) ${middle}-${end}`, `${area} ${middle} ${end}`];
  return [number, digits, `${area}${middle}${end}`, ...grouped].flatMap(formsOf);
}

/** Shorter ones are found by chance. */
const FORM_BYTES_MIN = 7;

function coded(text: string): string[] {
  const bytes = Buffer.from(text);
  // Of characters that are made of the text alone; all of these, because six digits of a number are in many times by chance.
  const base64 = [0, 1, 2].map(shift => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
  });
  return [...base64, bytes.toString('hex')];
}

export type Canaries = ReadonlyMap<string, readonly Buffer[]>;

/** Names of the canaries that are in the bytes. */
export function foundIn(bytes: Buffer, canaries: Canaries): string[] {
  return [...canaries].filter(([, forms]) => forms.some(form => bytes.includes(form))).map(([name]) => name);
}
