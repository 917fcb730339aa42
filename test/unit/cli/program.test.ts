import { expect, it } from 'vitest'
import { sessiondProgram, withSubcommands } from '../../../src/cli/program.js'

const commands = withSubcommands(await sessiondProgram()).map((command) => {
  const usage = command.createHelp().commandUsage(command)
  return [usage.replace(/ [[<].*/, ''), command] as const
})

it('every command is tried here', () => {
  expect(commands.map(([name]) => name)).toEqual(
    expect.arrayContaining(['sessiond', 'sessiond serve', 'sessiond sessions close']),
  )
})

it.each(commands)('%s --help shows how to use it, with examples', (name, command) => {
  let help = ''
  command.configureOutput({
    writeOut(text) {
      help += text
    },
  })
  command.outputHelp()
  expect(help.startsWith(`Usage: ${name}`)).toBe(true)
  expect(help).toMatch(/^Examples:\n {2}\$ sessiond /m)
})

it.each([
  ['serve', ['serve']],
  ['--version', []],
  ['-V', []],
  ['completion', expect.arrayContaining(['serve', 'completion'])],
  ['--help', expect.arrayContaining(['serve', 'completion'])],
])('sessiond %s loads what it needs alone', async (wanted, loaded) => {
  const { commands } = await sessiondProgram(wanted)
  expect(commands.map((command) => command.name())).toEqual(loaded)
})
