/**
 * The state that the HTTP side shares with the admin door and with the object that tests hold.
 * It must never leave the sandbox: tests see `Sandbox` and `SandboxCompany` only.
 */
import type { CompanyState, LoggedRequest, SandboxCompany } from './company';
import type { FaultPicker, FaultPlan } from './faults';

export interface RequestLog {
  count: number;
  readonly entries: (LoggedRequest & { status: number | null })[];
}

export interface SandboxState {
  readonly companies: readonly CompanyState[];
  readonly log: RequestLog;
  readonly mediaLog: RequestLog;
  clearLogs(): void;
  now(): number;
  origin(): string;
  pickFault: FaultPicker;
  pickMediaFault: FaultPicker;
  setFaults(plan: FaultPlan | undefined): void;
  /** Resolves when what is held now is let go. */
  released(): Promise<void>;
  /** Lets go what is held now. */
  release(): void;
  exposed(): readonly SandboxCompany[];
}
