import { Command } from 'commander'
import { VERSION } from '../config/version.js'

/** Each command, in the groups of `--help`. Only what runs is loaded, since programs call `sessiond` often. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, () => Promise<Command>>>>> = {
  'Run a server:': {
    serve: async () => (await import('./serve.js')).serveCommand(),
    bridge: async () => (await import('./bridge.js')).bridgeCommand(),
  },
  'Open sessions:': {
    keygen: async () => (await import('./keygen.js')).keygenCommand(),
    identity: async () => (await import('./identity.js')).identityCommand(),
    create: async () => (await import('./create.js')).createCommand(),
    request: async () => (await import('./request.js')).requestCommand(),
  },
  'Use sessions:': {
    token: async () => (await import('./token/token.js')).tokenCommand(),
  },
  'Manage sessions of a running server:': {
    sessions: async () => (await import('./sessions/sessions.js')).sessionsCommand(),
    export: async () => (await import('./export.js')).exportCommand(),
    erase: async () => (await import('./erase.js')).eraseCommand(),
  },
  'Operate a running server:': {
    status: async () => (await import('./status.js')).statusCommand(),
    check: async () => (await import('./check.js')).checkCommand(),
    backup: async () => (await import('./backup.js')).backupCommand(),
    'rotate-keys': async () => (await import('./rotate-keys.js')).rotateKeysCommand(),
    clock: async () => (await import('./clock.js')).clockCommand(),
  },
  "Work on a stopped server's data:": {
    restore: async () => (await import('./restore.js')).restoreCommand(),
    repair: async () => (await import('./repair.js')).repairCommand(),
    migrate: async () => (await import('./migrate.js')).migrateCommand(),
    import: async () => (await import('./import.js')).importCommand(),
  },
  'Use a shell:': {
    completion: async () => (await import('./completion.js')).completionCommand(),
  },
}

/** It completes all of them. */
const NEEDS_ALL = 'completion'

const VERSION_FLAGS = ['-V', '--version']

/**
 * `sessiond`, for a command line that begins with `wanted`: with that command alone if there is such a one, with none if its
 * version is asked for, or with every command.
 */
export async function sessiondProgram(wanted?: string): Promise<Command> {
  const program = new Command('sessiond')
    .description(
      'Session-token server: verifies signed requests and mints durable Ed25519 session keys.',
    )
    .version(VERSION, VERSION_FLAGS.join(', '))
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond serve
  $ sessiond keygen --out owner.key
  $ sessiond create --key owner.key --lifetime 1h --server-key "$(sessiond identity)"

\`sessiond COMMAND --help\` shows the options of a command, with examples.`,
    )
    .addHelpText(
      'afterAll',
      `
Exit codes:
  0  success
  1  the server refused the call, the command found problems, or something unexpected happened
  2  an option is missing or wrong
  3  another process uses the data directory
  4  the store or a file is damaged, or does not fit
  5  the server cannot listen on an address
  6  the server was stopped by force
  7  nothing matched`,
    )
  const all = Object.entries(COMMANDS).flatMap(([heading, commands]) =>
    Object.entries(commands).map(([name, load]) => ({ heading, name, load })),
  )
  const isVersion = VERSION_FLAGS.includes(wanted ?? '')
  const one = all.filter(({ name }) => name === wanted && name !== NEEDS_ALL)
  for (const { heading, load } of isVersion || one.length > 0 ? one : all) {
    program.addCommand((await load()).helpGroup(heading))
  }
  return program
}

/** A command and all below it. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}
