import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Pacer } from '../../../src/feed/pacer.js'

/** A pacer whose time the work itself moves on. */
function paced() {
  const time = { nowMs: 0, isBusy: true }
  const turns: { delayMs: number; run: () => void }[] = []
  const errors: unknown[] = []
  const changes: (() => void)[] = []
  const pacer = new Pacer({
    change(isOver) {
      for (let work = changes.shift(); work !== undefined; work = changes.shift()) {
        work()
        if (isOver()) {
          return changes.length > 0
        }
      }
      return false
    },
    after(delayMs, run) {
      turns.push({ delayMs, run })
      return () => void turns.splice(0)
    },
    onError: (error) => errors.push(error),
    nowMs: () => time.nowMs,
    watchOthers: () => () => time.isBusy,
  })
  /** Lets the next delay go by; returns how long it was. */
  const elapse = () => {
    const { delayMs, run } = turns.shift() ?? { delayMs: 0, run() {} }
    time.nowMs += delayMs
    run()
    return delayMs
  }
  const done: string[] = []
  const work = (name: string, ms: number) => () => {
    time.nowMs += ms
    done.push(name)
  }
  return { pacer, time, turns, errors, changes, elapse, done, work }
}

describe('what viewers need', () => {
  it('is done in turns of about a millisecond, with rests four times as long', () => {
    const { pacer, elapse, done, work } = paced()
    for (let i = 0; i < 10; i++) {
      pacer.wake({ send: work(`${i}`, 0.75) })
    }
    expect(done).toEqual([])
    elapse()
    expect(done).toEqual(['0', '1'])
    expect(elapse()).toBe(6)
    expect(done).toHaveLength(4)
  })

  it('is done in longer turns, with next to no rest, while nothing else runs', () => {
    const { pacer, elapse, done, time, work } = paced()
    for (let i = 0; i < 10; i++) {
      pacer.wake({ send: work(`${i}`, 1.9) })
    }
    elapse()
    expect(done).toHaveLength(1)
    time.isBusy = false
    elapse()
    expect(done).toHaveLength(4)
    expect(elapse()).toBe(1)
    expect(done).toHaveLength(7)
    time.isBusy = true
    elapse()
    expect(done).toHaveLength(8)
  })

  it('rests after its last turn, too', () => {
    const { pacer, elapse, time, turns, work } = paced()
    pacer.wake({ send: work('first', 0.75) })
    elapse()
    expect(turns).toEqual([])
    time.nowMs += 0.25
    pacer.wake({ send: work('second', 2.5) })
    expect(elapse()).toBe(5)
    pacer.wake({ send: work('third', 0.5) })
    expect(elapse()).toBe(10)
  })

  it('gathers changes for longer while others have work, and senders go on meanwhile', () => {
    const { pacer, changes, elapse, time, turns, done, work } = paced()
    const change = (name: string) => {
      changes.push(work(name, 0.25))
      pacer.wake()
    }
    change('first')
    elapse()
    change('second')
    pacer.wake({ send: work('send', 0.25) })
    elapse()
    expect(done).toEqual(['first', 'send'])
    expect(elapse()).toBe(94.75)
    expect(done).toEqual(['first', 'send', 'second'])
    change('third')
    time.isBusy = false
    elapse()
    change('fourth')
    expect(elapse()).toBe(5)
    expect(done.slice(3)).toEqual(['third', 'fourth'])
    expect(turns).toEqual([])
  })

  it('does not keep a sender waiting while changes gather', () => {
    const { pacer, changes, elapse, done, work } = paced()
    changes.push(work('first', 0.25))
    pacer.wake()
    elapse()
    changes.push(work('second', 0.25))
    pacer.wake()
    elapse()
    pacer.wake({ send: work('send', 0.25) })
    expect(elapse()).toBe(5)
    expect(done).toEqual(['first', 'send'])
  })

  it('makes changes that one turn has no time for in the next', () => {
    const { pacer, changes, elapse, done, work } = paced()
    changes.push(work('first', 1), work('second', 0.25))
    pacer.wake()
    elapse()
    expect(done).toEqual(['first'])
    expect(elapse()).toBe(4)
    expect(done).toEqual(['first', 'second'])
  })

  it('is made also where others begin to work between two turns of the same changes', () => {
    const { pacer, changes, elapse, time, turns, done, work } = paced()
    time.isBusy = false
    changes.push(work('first', 0.25))
    pacer.wake()
    elapse()
    changes.push(work('second', 5), work('third', 0.25))
    pacer.wake()
    elapse()
    time.isBusy = true
    while (turns.length > 0) {
      elapse()
    }
    expect(done).toEqual(['first', 'second', 'third'])
  })

  it('is sent before more of it is made, so that what falls behind are changes and not messages', () => {
    const { pacer, changes, elapse, done, work } = paced()
    const sender = { send: work('send', 5) }
    changes.push(
      () => {
        work('change 1', 5)()
        pacer.wake(sender)
      },
      work('change 2', 5),
    )
    pacer.wake()
    elapse()
    elapse()
    elapse()
    expect(done).toEqual(['change 1', 'send', 'change 2'])
  })

  it('has one turn for a sender that was woken many times', () => {
    const { pacer, elapse, done, work, turns } = paced()
    const sender = { send: work('send', 0.5) }
    pacer.wake(sender)
    pacer.wake(sender)
    elapse()
    expect(done).toEqual(['send'])
    expect(turns).toEqual([])
  })

  it('goes on where it fails for one', () => {
    const { pacer, elapse, done, errors, work } = paced()
    pacer.wake({
      send() {
        throw new Error('broken')
      },
    })
    pacer.wake({ send: work('next', 1) })
    elapse()
    expect(done).toEqual(['next'])
    expect(errors).toEqual([new Error('broken')])
  })

  it('is not awaited for ever where each turn that serves all makes more for them', async () => {
    const { pacer, changes, elapse, work } = paced()
    const sender = { send: work('send', 1.5) }
    const wakeAgain = () => {
      work('change', 1)()
      pacer.wake(sender)
    }
    let isServed = false
    pacer.wake(sender)
    pacer.served().then(() => {
      isServed = true
    })
    for (let turn = 0; turn < 10; turn++) {
      changes.push(wakeAgain)
      elapse()
    }
    await setImmediate()
    expect(isServed).toBe(true)
  })

  it('is awaited by who makes much of it, and no more once the server stops', async () => {
    const { pacer, elapse, work, turns } = paced()
    await pacer.served()
    pacer.wake({ send: work('send', 0.5) })
    const served = pacer.served()
    elapse()
    await served
    pacer.wake({ send: work('send', 0.5) })
    const stopped = pacer.served()
    pacer.close()
    await stopped
    expect(turns).toEqual([])
  })
})
