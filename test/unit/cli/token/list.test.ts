import { expect, it } from 'vitest'
import { listed } from '../../../../src/cli/token/list.js'
import type { ListOwnedOptions, OwnedSession, TokensClient } from '../../../../src/client/index.js'

/** A server with so many open sessions. `onListed` is called after each page; `isShown`: whether a session is the owner's. */
function serverWith(count: number, onListed = (_: string[]) => {}, isShown = (_: string) => true) {
  const open = Array.from({ length: count }, (_, i) => `${i}`)
  const list = async ({ skip = 0, take = 100 }: ListOwnedOptions = {}) => {
    const page = open.slice(skip, skip + take).filter(isShown)
    onListed(open)
    return page.map((id) => ({ id }) as OwnedSession)
  }
  return { list } as unknown as TokensClient
}

async function idsOf(tokens: TokensClient, limit = Number.POSITIVE_INFINITY) {
  const ids: string[] = []
  for await (const { id } of listed(tokens, { openOnly: true }, limit, {})) {
    ids.push(id)
  }
  return ids
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

it('lists every session that stays open, though others end between two pages', async () => {
  const tokens = serverWith(350, (open) => open.splice(0, 20))
  const ids = await idsOf(tokens)
  expect(ids).toEqual(upTo(350))
})

it('goes on behind a page with sessions of others, which the server leaves out', async () => {
  const tokens = serverWith(250, undefined, (id) => Number(id) % 10 !== 0)
  const ids = await idsOf(tokens)
  expect(ids).toEqual(upTo(250).filter((id) => Number(id) % 10 !== 0))
})

it.each([0, 1, 2, 7, 100, 101, 170])('lists %i if no more are asked for', async (limit) => {
  const ids = await idsOf(serverWith(250), limit)
  expect(ids).toEqual(upTo(limit))
})
