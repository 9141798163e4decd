/**
 * The state of a connection that this process has learned: closed after a 429 until the reset, dead if a
 * credential was refused. It saves API requests and decides nothing else; another process learns from its own first reply.
 * Its times are those of a clock of this process that nobody sets.
 */

export interface Gates {
  close(connection: string, untilMs: number): void;
  /** Milliseconds until the gate opens; 0 if it is open. */
  closedForMs(connection: string, nowMs: number): number;
  markDead(connection: string, credentialVersion: number): void;
  isDead(connection: string, credentialVersion: number): boolean;
}

export function createGates(): Gates {
  const closedUntilMs = new Map<string, number>();
  const deadVersion = new Map<string, number>();
  return {
    close(connection, untilMs) {
      closedUntilMs.set(connection, Math.max(untilMs, closedUntilMs.get(connection) ?? 0));
    },
    closedForMs: (connection, nowMs) => Math.max(0, (closedUntilMs.get(connection) ?? 0) - nowMs),
    markDead(connection, version) {
      deadVersion.set(connection, version);
    },
    isDead: (connection, version) => deadVersion.get(connection) === version,
  };
}
