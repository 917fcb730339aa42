import { expect, it } from 'vitest'
import { identityCommand } from '../../../src/cli/identity.js'

it.each([
  ['--data-dir', './data'],
  ['--identity-key', 'identity.pem'],
])('prints no key of a server where %s names a file of another one', async (option, value) => {
  const args = ['--server', '127.0.0.1:1', option, value]
  await expect(identityCommand().parseAsync(args, { from: 'user' })).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining(`${option}: not with --server`),
  })
})
