/**
 * The state that the HTTP side shares with the admin door and with the object that tests hold.
 * It must never leave the sandbox: tests see `Sandbox` and `SandboxCompany` only.
 */
import type { CompanyState, LoggedRequest, SandboxCompany } from './company';
import type { FaultPicker, FaultPlan } from './faults';

export interface SandboxState {
  readonly companies: readonly CompanyState[];
  readonly log: { count: number; entries: (LoggedRequest & { status: number | null })[] };
  now(): number;
  origin(): string;
  pickFault: FaultPicker;
  setFaults(plan: FaultPlan | undefined): void;
  /** Resolves when what is held now is let go. */
  released(): Promise<void>;
  /** Lets go what is held now. */
  release(): void;
  exposed(): readonly SandboxCompany[];
}
