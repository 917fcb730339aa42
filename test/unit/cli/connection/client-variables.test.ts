import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { CLIENT_VARIABLES } from '../../../../src/cli/connection/client-variables.js'
import { sessiondProgram, withSubcommands } from '../../../../src/cli/program.js'

it('docs/options.md lists the variables of commands, each with its option', async () => {
  const page = readFileSync(new URL('../../../../docs/options.md', import.meta.url), 'utf8')
  const [, table = ''] = /<!-- variables -->([\s\S]*)<!-- \/variables -->/.exec(page) ?? []
  const listed = new Map(
    [...table.matchAll(/^\| `(\w+)` \| `(\S+)/gm)].map(([, variable, flag]) => [variable, flag]),
  )
  expect([...listed.keys()]).toEqual(Object.values(CLIENT_VARIABLES))
  for (const command of withSubcommands(await sessiondProgram())) {
    for (const { long, envVar } of command.options) {
      // The command `identity` also takes the server's own variables for its files.
      if (envVar !== undefined && !['--data-dir', '--identity-key'].includes(long ?? '')) {
        expect([envVar, listed.get(envVar)]).toEqual([envVar, long])
      }
    }
  }
})

it('each command that asks a server takes its address from SESSIOND_SERVER', async () => {
  const variables = new Map<string, string | undefined>()
  for (const command of withSubcommands(await sessiondProgram())) {
    for (const { long, envVar } of command.options) {
      if (long === '--server') {
        variables.set(`${command.parent?.name()} ${command.name()}`, envVar)
      }
    }
  }
  expect([...variables.keys()]).toEqual(
    expect.arrayContaining(['sessiond create', 'sessiond status', 'sessions list', 'token jwt']),
  )
  expect([...variables].filter(([, variable]) => variable !== 'SESSIOND_SERVER')).toEqual([])
})
