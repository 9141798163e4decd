/** A tone of a quarter of a second as a WAV file: audio that a browser plays, without an encoder. */

const SAMPLES_PER_SECOND = 8_000;

export function waveFile(): Buffer {
  const samples = Buffer.from(
    Array.from({ length: SAMPLES_PER_SECOND / 4 }, (_, place) => 128 + Math.round(60 * Math.sin(place / 3))),
  );
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // mono
  head.writeUInt32LE(SAMPLES_PER_SECOND, 24);
  head.writeUInt32LE(SAMPLES_PER_SECOND, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34); // bits
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
