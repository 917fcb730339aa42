import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreMismatchError } from '../../../../src/core/errors.js'
import { WriteHealth } from '../../../../src/stores/valkey/health.js'

/** Two masters, of which the test says which ones take writes. */
function given() {
  const failing = new Set<string>()
  const names = { even: 'even', odd: 'odd' }
  const settings = { problem: '' }
  const masterOf = (shard: number) => names[shard % 2 === 0 ? 'even' : 'odd']
  const events: unknown[] = []
  const health = new WriteHealth(
    { shards: 4, masterOf },
    async (shard) => {
      if (failing.has(masterOf(shard))) {
        throw new Error(`${masterOf(shard)} is away`)
      }
    },
    {
      onFailure: (cause) => events.push((cause as Error).message),
      onRecovery: () => events.push('recovered'),
    },
    async () => {
      if (settings.problem !== '') {
        throw new StoreMismatchError(settings.problem)
      }
    },
  )
  onTestFinished(() => health.close())
  health.watch((isServing) => events.push(isServing))
  return { health, failing, events, names, settings }
}

describe('a store in an engine', () => {
  it('takes writes until it is known that no master does', async () => {
    const { health, failing, events } = given()
    expect(health.isWritable).toBe(true)
    failing.add('even').add('odd')
    await health.probe()
    expect(health.isWritable).toBe(false)
    expect(events).toEqual(['even is away', false])
  })

  it('goes on where one of two masters takes no writes, and says which', async () => {
    const { health, failing, events } = given()
    failing.add('odd')
    await health.probe()
    await health.probe()
    expect(health.isWritable).toBe(true)
    expect(health.report).toEqual({
      isLost: false,
      findings: ['the engine at odd takes no writes'],
    })
    expect(events).toEqual([])
  })

  it('takes writes again once one master does', async () => {
    const { health, failing, events } = given()
    failing.add('even').add('odd')
    await health.probe()
    events.splice(0)
    failing.delete('odd')
    await health.probe()
    expect(health.isWritable).toBe(true)
    expect(events).toEqual(['recovered', true])
  })

  it('says what of a new master would lose sessions, until that is mended', async () => {
    const { health, names, settings } = given()
    await health.probe()
    settings.problem = 'its appendfsync is "no"'
    await health.probe()
    expect(health.report.findings).toEqual([])
    names.odd = 'promoted'
    await health.probe()
    expect(health.report.findings).toEqual(['its appendfsync is "no"'])
    settings.problem = ''
    await health.probe()
    expect(health.report.findings).toEqual([])
  })
})
