import { expect, it } from 'vitest'
import { connectionProblem } from '../../../../src/client/connection/connection-problem.js'

const failed = (error: string) =>
  `No connection established. Last error: ${error}. Resolution note: `

it.each([
  [failed('Error: connect ECONNREFUSED 127.0.0.1:1'), 'nothing listens on this port'],
  ['Name resolution failed for target dns:nohost.invalid:8090', 'its name cannot be resolved'],
  ['getaddrinfo ENOTFOUND nohost.invalid', 'its name cannot be resolved'],
  [failed('Protocol error (2026-01-01T00:00:00.000Z)'), 'does not speak gRPC on this port'],
  [failed('Failed to connect'), 'it may want TLS'],
  [failed('Error: certificate has expired'), 'shows a certificate that has expired'],
])('%s: %s', (details, problem) => {
  expect(connectionProblem(details)).toContain(problem)
})

it('what is not known is not explained', () => {
  expect(connectionProblem('Error: read ECONNRESET')).toBeUndefined()
})
