/**
 * The codes of doubt: why a found record may not be the subject's alone, one row for each. Results, receipts, plans and words for
 * people are made from these rows; docs/judgement.md says when a record gets one. Workflow-safe: plain data.
 */
interface DoubtRow {
  /** For a person; follows "It is doubtful: ". */
  readonly words: string;
  /** What undecided records make of a request that is otherwise complete. */
  readonly undecided: 'completed' | 'partial';
}

export const DOUBTS = {
  'shared-address': { words: 'several people use the address, or may use it', undecided: 'partial' },
  'number-only': { words: 'only a number of the person leads to the contact', undecided: 'partial' },
  'shared-number': { words: 'other people use the number, or may use it', undecided: 'completed' },
  'other-contact': { words: 'Aircall attached the call to somebody else', undecided: 'completed' },
  'other-voices': { words: 'other people may be heard in the recording', undecided: 'completed' },
} as const satisfies Record<string, DoubtRow>;

export type DoubtCode = keyof typeof DOUBTS;
