/** What the kernel says of a process (Linux): memory, processor time, threads, open files. Nothing a process says of itself. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessFigures {
  readonly rssMb: number;
  /** The highest since the start, or since `resetPeak`. */
  readonly peakRssMb: number;
  readonly threads: number;
  readonly openFiles: number;
}

/** The kernel counts processor time in hundredths of a second, whatever the machine. */
const MS_PER_TICK = 10;
const KB_PER_MB = 1024;

export function figuresOf(pid: number): ProcessFigures {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    rssMb: field('VmRSS') / KB_PER_MB,
    peakRssMb: field('VmHWM') / KB_PER_MB,
    threads: field('Threads'),
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Processor time of all threads since the start, in milliseconds. */
export function processorMs(pid: number): number {
  const [, , ticks = []] = statOf(pid);
  return (Number(ticks[0]) + Number(ticks[1])) * MS_PER_TICK;
}

/** Children whose command has `name`: the pid of a server that a library started for us. */
export function childrenNamed(parent: number, name: string): number[] {
  const pids = readdirSync('/proc').filter(entry => /^\d+$/.test(entry));
  return pids.map(Number).filter(pid => {
    try {
      const [command, itsParent] = statOf(pid);
      return itsParent === parent && command.includes(name);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** Command, parent, and user and system ticks. */
function statOf(pid: number): [string, number, string[]] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const end = stat.lastIndexOf(')');
  // The command is in brackets and may hold any character; after it: state, parent, ..., utime and stime are 12th and 13th.
  const fields = stat.slice(end + 2).split(' ');
  return [stat.slice(stat.indexOf('(') + 1, end), Number(fields[1]), fields.slice(11, 13)];
}
