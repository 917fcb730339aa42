import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { listen } from '../../../src/net/listen.js'
import { Unsent } from '../../../src/net/unsent.js'
import { boundConnections } from '../../../src/seneca/listener.js'
import { recordCalls } from '../../support/observer.js'

it('counts the connections to all addresses of a listener together', async () => {
  const refused: string[] = []
  const server = createServer()
  boundConnections(server, 2, {
    observer: recordCalls().observer,
    unsent: new Unsent(() => {}),
    onRefused: (reason) => refused.push(reason),
    onFailure: () => {},
  })
  const listening = await listen(
    server,
    { host: 'one.name', port: 0 },
    { option: '--seneca', resolve: async () => ['127.0.0.1', '127.0.0.2'] },
  )
  const port = Number(listening.addresses[0]?.split(':')[1])
  const open = async (host: string) => {
    const arrived = once(server, 'connection')
    const socket = connect({ host, port })
    onTestFinished(() => void socket.destroy())
    const [accepted] = (await arrived) as [Socket]
    return { socket, accepted }
  }
  const first = await open('127.0.0.1')
  await open('127.0.0.2')
  expect(refused).toEqual([])

  const third = await open('127.0.0.2')
  await once(third.socket, 'close')
  expect(refused).toEqual(['there are 2 connections, the most allowed'])

  first.socket.end()
  first.accepted.destroy()
  await once(first.accepted, 'close')
  await open('127.0.0.2')
  expect(refused).toHaveLength(1)
})
