import { expect, it } from 'vitest'
import { tokenCommand } from '../../../../src/cli/token/token.js'

const names = tokenCommand().commands.map((command) => command.name())

it('has every command of a session', () => {
  expect(names.sort()).toEqual(['bind', 'check', 'issue', 'jwt', 'list', 'revoke', 'sign', 'watch'])
})

it.each(names)('sessiond token %s --help shows examples', (name) => {
  let text = ''
  const command = tokenCommand().commands.find((one) => one.name() === name)
  command?.configureOutput({ writeOut: (more) => (text += more) }).outputHelp()
  expect(text).toMatch(/^Examples:\n {2}\$ sessiond /m)
  expect(text).toMatch(/^ {2}--json /m)
})
