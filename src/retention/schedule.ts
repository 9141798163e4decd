/**
 * The schedule of retention sweeps: one on the server for each service, made by the first worker that finds none. It never
 * reverts a pause or a change made in the Web UI.
 */
import { type Client, ScheduleAlreadyRunning } from '@temporalio/client';
import type { Log } from '../log';
import { RETENTION_WORKFLOW } from '../request/names';
import { isUnimplemented } from '../temporal/grpc-status';

const SWEEP_EVERY = '1 hour';

export function retentionScheduleId(taskQueue: string): string {
  return `${taskQueue}/retention`;
}

/** @param log gets a line if the server has no schedules */
export async function ensureRetentionSchedule(temporal: Client, taskQueue: string, log: Log): Promise<void> {
  try {
    await temporal.schedule.create({
      scheduleId: retentionScheduleId(taskQueue),
      spec: { intervals: [{ every: SWEEP_EVERY }] },
      // No arguments: a schedule outlives keys.
      action: { type: 'startWorkflow', workflowType: RETENTION_WORKFLOW, taskQueue },
      policies: { overlap: 'SKIP', catchupWindow: SWEEP_EVERY },
    });
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return;
    if (!isUnimplemented(error)) throw error;
    log({
      level: 'warn',
      message:
        'this Temporal server has no schedules: run `aircall-dsr purge` for requests that are past their retention time',
    });
  }
}
