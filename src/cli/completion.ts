import { Argument, Command, type Option } from 'commander'
import { BASH, type CompletedCommand, FISH, type Values, ZSH } from './completion-scripts.js'

const SCRIPTS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
}

/** `sessiond completion` */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a script that completes sessiond commands in a shell.')
    .addArgument(new Argument('<SHELL>', 'the shell').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      `
Examples:
  $ sessiond completion bash >> ~/.bash_completion
  $ sessiond completion zsh > ~/.zsh/functions/_sessiond     # a directory of $fpath
  $ sessiond completion fish > ~/.config/fish/completions/sessiond.fish`,
    )
    .action((shell: string, _: unknown, self: Command) => {
      const script = SCRIPTS[shell]?.(completedCommands(self.parent ?? self, ''))
      console.log(script?.trimEnd())
    })
}

/** The command and all below it. */
function completedCommands(command: Command, above: string): CompletedCommand[] {
  const path = `${above} ${command.name()}`.trim()
  const help = command.createHelp()
  const subcommands = help.visibleCommands(command).filter((below) => below.name() !== 'help')
  return [
    {
      path,
      subcommands: subcommands.map((below) => ({
        name: below.name(),
        help: firstSentence(below.description()),
      })),
      options: help.visibleOptions(command).map((option) => ({
        name: option.long ?? option.flags,
        help: firstSentence(option.description),
        values: option.required || option.optional ? valuesOf(option) : undefined,
      })),
      values: valuesOf(command.registeredArguments[0]),
    },
    ...subcommands.flatMap((below) => completedCommands(below, path)),
  ]
}

function valuesOf(part: Option | Argument | undefined): Values {
  const placeholder = part === undefined ? '' : 'flags' in part ? part.flags : part.name()
  if (part?.argChoices !== undefined) {
    return part.argChoices
  }
  if (/\bFILE\b/.test(placeholder)) {
    return 'files'
  }
  return /\bDIR\b/.test(placeholder) ? 'directories' : null
}

/** Up to the first full stop, semicolon, colon or bracket. */
function firstSentence(text: string): string {
  return text.replace(/(?:[.;:]\s| ?[([]).*$|\.$/s, '')
}
