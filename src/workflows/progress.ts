/** The progress of a request: its phase, the cause of its wait, and its status. Pure; Workflow-safe. */
import type { FinalStatus, Phase, PhaseTimes, Status, WaitingFor } from '../request/model';

export interface Progress {
  readonly phase: Phase;
  readonly status: Status;
  /** The present wait that began first. */
  readonly waitingFor: WaitingFor | undefined;
  /** When each phase began, the first time. */
  readonly phases: PhaseTimes;
  enter(phase: Phase): void;
  /** Sets the cause of the wait until `wait` ends. */
  waiting<T>(waitingFor: WaitingFor, wait: () => Promise<T>): Promise<T>;
  end(status: FinalStatus): void;
}

/** @param changed is called after each change; `status`: of the status too */
export function createProgress(changed: (what: 'phase' | 'status') => void): Progress {
  const phases: Partial<Record<Phase, string>> = {};
  const waits = new Set<WaitingFor>();
  let phase: Phase = 'opening';
  let ended: FinalStatus | undefined;
  return {
    get phase() {
      return phase;
    },
    get status() {
      return ended ?? (waits.size > 0 ? 'waiting' : 'running');
    },
    get waitingFor() {
      return [...waits][0];
    },
    phases,
    enter(next) {
      phase = next;
      phases[next] ??= new Date().toISOString();
      changed('phase');
    },
    async waiting(waitingFor, wait) {
      waits.add(waitingFor);
      changed('status');
      try {
        return await wait();
      } finally {
        waits.delete(waitingFor);
        changed('status');
      }
    },
    end(status) {
      phase = 'ended';
      ended = status;
      changed('status');
    },
  };
}
