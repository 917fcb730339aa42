// Scripts for shells. In each of them a function finds out which command the words so far name. The rest is a table.

/** What may stand in the place of a value: names of files or directories, one of these words, or anything. */
export type Values = 'files' | 'directories' | readonly string[] | null

export interface CompletedOption {
  /** With its dashes. */
  readonly name: string
  readonly help: string
  /** undefined if it takes no value. */
  readonly values: Values | undefined
}

export interface CompletedCommand {
  /** With the commands above it, such as `sessiond sessions list`. */
  readonly path: string
  readonly subcommands: readonly { readonly name: string; readonly help: string }[]
  readonly options: readonly CompletedOption[]
  /** Of its arguments. */
  readonly values: Values
}

type Commands = readonly CompletedCommand[]

/** A text in single quotes, for bash and zsh. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
/** A pattern of `case` that stands for each of the texts. */
const anyOf = (texts: readonly string[]) => texts.map(quoted).join(' | ')

const subcommandPaths = (commands: Commands) => commands.slice(1).map(({ path }) => path)

/** A branch of `case` for each kind of value, over the options that take such values, as `COMMAND OPTION`. */
function optionBranches(commands: Commands, branch: (pattern: string, values: Values) => string) {
  const byKind = new Map<string, { values: Values; options: string[] }>()
  for (const { path, options } of commands) {
    for (const { name, values } of options) {
      if (values !== undefined) {
        const kind = JSON.stringify(values)
        const group = byKind.get(kind) ?? { values, options: [] }
        group.options.push(`${path} ${name}`)
        byKind.set(kind, group)
      }
    }
  }
  return Array.from(byKind.values(), ({ values, options }) => branch(anyOf(options), values))
}

export const BASH = (commands: Commands) => `# Completes sessiond in bash.
_sessiond() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=sessiond word words= files=
  COMPREPLY=()
  # Bash splits --option=value at the sign.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "$command $word" in
      ${anyOf(subcommandPaths(commands))}) command+=" $word" ;;
    esac
  done
  case "$command $prev" in
${optionBranches(commands, (pattern, values) => `    ${pattern}) ${bashValues(values)} ;;`).join('\n')}
    *)
      case "$command" in
${commands.map((command) => `        ${quoted(command.path)}) ${bashCommand(command)} ;;`).join('\n')}
      esac
      ;;
  esac
  local IFS=$'\\n'
  COMPREPLY=($(IFS=' '; compgen -W "$words" -- "$cur"))
  if [[ -n $files ]]; then
    COMPREPLY+=($(compgen "$files" -- "$cur"))
    compopt -o filenames 2> /dev/null
  fi
}
complete -F _sessiond sessiond
`

function bashValues(values: Values): string {
  if (values === 'files' || values === 'directories') {
    return values === 'files' ? 'files=-f' : 'files=-d'
  }
  return values === null ? 'return' : `words=${quoted(values.join(' '))}`
}

function bashCommand({ subcommands, options, values }: CompletedCommand): string {
  const names = subcommands.map(({ name }) => name)
  const words = [...names, ...(Array.isArray(values) ? values : [])]
  const flags = options.map(({ name }) => name)
  const files = values === 'files' ? '; files=-f' : values === 'directories' ? '; files=-d' : ''
  // Options are many: shown at once only where there is nothing else.
  return words.length === 0 && files === ''
    ? `words=${quoted(flags.join(' '))}`
    : `if [[ $cur == -* ]]; then words=${quoted(flags.join(' '))}; else words=${quoted(words.join(' '))}${files}; fi`
}

export const ZSH = (commands: Commands) => `#compdef sessiond
# Completes sessiond in zsh.
_sessiond() {
  local command=sessiond word
  local -a names flags
  for word in "\${(@)words[2,CURRENT - 1]}"; do
    case "$command $word" in
      (${anyOf(subcommandPaths(commands))}) command+=" $word" ;;
    esac
  done
  case "$command \${words[CURRENT - 1]}" in
${optionBranches(commands, (pattern, values) => `    (${pattern}) ${zshValues(values)}; return ;;`).join('\n')}
  esac
  case "$command" in
${commands.map(zshCommand).join('\n')}
  esac
}
if [[ $funcstack[1] == _sessiond ]]; then
  _sessiond "$@"
else
  compdef _sessiond sessiond
fi
`

function zshValues(values: Values): string {
  if (values === 'files' || values === 'directories') {
    return values === 'files' ? '_files' : '_files -/'
  }
  return values === null ? ':' : `compadd -- ${values.map(quoted).join(' ')}`
}

function zshCommand({ path, subcommands, options, values }: CompletedCommand): string {
  const described = (parts: readonly { readonly name: string; readonly help: string }[]) =>
    parts.map(({ name, help }) => quoted(`${name}:${help}`)).join(' ')
  return [
    `    (${quoted(path)})`,
    `      flags=(${described(options)})`,
    ...(subcommands.length === 0
      ? []
      : [`      names=(${described(subcommands)})`, '      _describe command names']),
    ...(values === null ? [] : [`      ${zshValues(values)}`]),
    `      _describe -o option flags`,
    '      ;;',
  ].join('\n')
}

export const FISH = (commands: Commands) => `# Completes sessiond in fish.
function __sessiond_at
    set -l command sessiond
    for word in (commandline -opc)[2..-1]
        switch "$command $word"
            case ${subcommandPaths(commands).map(quoted).join(' ')}
                set command "$command $word"
        end
    end
    test "$command" = "$argv"
end
complete -c sessiond -f
${commands.flatMap(fishCommand).join('\n')}
`

function fishCommand({ path, subcommands, options, values }: CompletedCommand): string[] {
  const line = (rest: string) => `complete -c sessiond -n '__sessiond_at ${path}' ${rest}`
  return [
    ...subcommands.map(({ name, help }) => line(`-a ${name} -d ${fishQuoted(help)}`)),
    ...options.map(({ name, help, values }) => {
      const value = values === undefined ? '' : ` ${fishValues(values)}`
      return line(`-l ${name.replace(/^--/, '')}${value} -d ${fishQuoted(help)}`)
    }),
    ...(values === null
      ? []
      : [line(fishValues(values).replace('-r -F', '-F').replace('-x ', ''))]),
  ]
}

/** In fish the backslash means something inside single quotes. */
const fishQuoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function fishValues(values: Values): string {
  if (values === 'files') {
    return '-r -F'
  }
  if (values === 'directories') {
    return "-x -a '(__fish_complete_directories)'"
  }
  return values === null ? '-x' : `-x -a ${fishQuoted(values.join(' '))}`
}
