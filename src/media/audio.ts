/**
 * What kind of audio a file is, by its first bytes and never by what its sender says of it. Sources: the formats' own specifications
 * (ISO 11172-3 and 13818-3, ID3, RIFF, RFC 3533, ISO 14496-12).
 */

export const AUDIO_TYPES = ['audio/mpeg', 'audio/wav', 'audio/ogg', 'audio/mp4'] as const;
export type AudioType = (typeof AUDIO_TYPES)[number];

/** How many bytes of a file are enough. */
export const HEAD_BYTES = 12;

const holds = (head: Buffer, at: number, text: string) => head.toString('latin1', at, at + text.length) === text;

const SIGNS: readonly (readonly [type: AudioType, isSo: (head: Buffer) => boolean])[] = [
  ['audio/mpeg', head => holds(head, 0, 'ID3') || isLayerThree(head)],
  ['audio/wav', head => holds(head, 0, 'RIFF') && holds(head, 8, 'WAVE')],
  ['audio/ogg', head => holds(head, 0, 'OggS')],
  ['audio/mp4', head => holds(head, 4, 'ftyp') && /^(?:M4[AB] |isom|iso[2-9]|mp4[12]|dash)$/.test(text(head, 8))],
];

/** @param head the first bytes of a file, `HEAD_BYTES` or more unless it is shorter */
export function audioTypeOf(head: Buffer): AudioType | undefined {
  return SIGNS.find(([, isSo]) => isSo(head))?.[0];
}

function text(head: Buffer, at: number): string {
  return head.toString('latin1', at, HEAD_BYTES);
}

/** The header of an MPEG frame: layers I and II would also be the byte order mark of a text. */
function isLayerThree([first = 0, second = 0, third = 0]: Buffer): boolean {
  const isSync = first === 0xff && (second & 0xe0) === 0xe0;
  const isVersion = (second & 0x18) !== 0x08;
  const isLayer = (second & 0x06) === 0x02;
  const isRate = third >> 4 !== 0x0f && (third & 0x0c) !== 0x0c;
  return isSync && isVersion && isLayer && isRate;
}
