/** The commands of the command line and their options, as commander has them. */
import type { Command } from 'commander';
import { createProgram } from '../../src/commands/program';

export interface KnownCommand {
  /** With the one that it is part of: `keys list`. */
  readonly name: string;
  /** As they are written: `--json`. */
  readonly options: readonly string[];
}

const silent = { write: () => {} };

export const COMMANDS: readonly KnownCommand[] = commandsOf(
  createProgram({ stdout: silent, stderr: silent }, () => async () => {}),
);

function commandsOf(parent: Command, prefix = ''): KnownCommand[] {
  return parent.commands.flatMap(command => {
    const name = `${prefix}${command.name()}`;
    const below = commandsOf(command, `${name} `);
    const options = command.options.flatMap(({ long }) => long ?? []);
    const isOnlyGroup = below.length > 0 && options.length === 0;
    return [...(isOnlyGroup ? [] : [{ name, options }]), ...below];
  });
}
