import { setTimeout } from 'node:timers/promises'
import { watchCpu } from '../lib/cpu.js'
import { anonymousBytes } from '../lib/memory.js'
import { Changes } from './changes.js'
import { Viewers } from './viewers.js'

/*
 * The viewers and the source of changes: `node load.js JOB`. JOB is JSON with the `kind` of the load, the `pid`
 * and `ports` of a server, and options of the kind. Both are in one process, so that one clock measures
 * how long a change took.
 */

const SESSIONS = 50
const OPEN_AT_ONCE = 50
const MEMORY_EVERY_CHANGES = 5
const WARM_UP_MS = 1000

const { kind, pid, ports, ...job } = JSON.parse(process.argv[2])

const kinds = {
  /** Changes at a steady rate, first to warm up. */
  async steady({ viewers: count, changesPerSecond, warmUpSeconds, seconds }) {
    const changes = await changesOf(SESSIONS)
    const viewers = await Viewers.connect(ports.http, count)
    await viewers.received(count * (1 + SESSIONS))
    const memory = []
    const pace = async (seconds) => {
      const startMs = performance.now()
      const made = []
      for (let i = 0; i < changesPerSecond * seconds; i++) {
        await setTimeout(startMs + (i * 1000) / changesPerSecond - performance.now())
        made.push(changes.make(i))
        if (i % MEMORY_EVERY_CHANGES === 0) {
          memory.push(anonymousBytes(pid))
        }
      }
      await Promise.all(made)
      return made.length
    }
    // Counting would be wrong: several changes of one session between two turns of the feed are one message.
    const allTold = () => viewers.haveRead(() => changes.open())
    await pace(warmUpSeconds)
    await allTold()
    viewers.latencies.reset()
    memory.length = 0

    const use = watchUse()
    const before = viewers.messages
    const changesMade = await pace(seconds)
    await allTold()
    const messages = viewers.messages - before
    const { latencies } = viewers
    const ms = (percentile) => latencies.percentile(percentile) / 1000
    const figures = {
      ...{ changes: changesMade, messages, ...use(messages) },
      ...{ p50Ms: ms(50), p99Ms: ms(99), mostMs: latencies.max / 1000 },
      anonymousBytes: memory,
    }
    viewers.close()
    await changes.closeAll()
    changes.end()
    return figures
  },

  /** Renames sessions as fast as everyone hears of it, several at a time. */
  async saturated({ viewers: count, atOnce, seconds }) {
    const changes = await changesOf(SESSIONS)
    const viewers = await Viewers.connect(ports.http, count)
    await viewers.received(count * (1 + SESSIONS))
    const figures = await saturate(viewers, () => changes.rename(), { atOnce, seconds })
    viewers.close()
    await changes.closeAll()
    changes.end()
    return figures
  },

  /** The same with the bare server. */
  async bare({ viewers: count, atOnce, seconds }) {
    const viewers = await Viewers.connect(ports.http, count)
    const figures = await saturate(viewers, () => viewers.send(), { atOnce, seconds })
    viewers.close()
    return figures
  },

  /** How long new viewers, one after the other, take to get a list of `sessions`. */
  async arrival({ sessions, times }) {
    const changes = await changesOf(sessions)
    const arrivalMs = []
    for (let i = 0; i < times; i++) {
      const startMs = performance.now()
      const viewers = await Viewers.connect(ports.http, 1)
      await viewers.received(1 + sessions)
      arrivalMs.push(performance.now() - startMs)
      viewers.close()
    }
    changes.end()
    return { arrivalMs }
  },
}

console.log(JSON.stringify(await kinds[kind](job)))

async function changesOf(sessions) {
  const changes = new Changes(ports.seneca)
  for (let opened = 0; opened < sessions; opened += OPEN_AT_ONCE) {
    await Promise.all(Array.from({ length: OPEN_AT_ONCE }, () => changes.open()))
  }
  return changes
}

/** `change` gives every viewer one message. */
async function saturate(viewers, change, { atOnce, seconds }) {
  const before = viewers.messages
  let changes = 0
  const run = async (durationMs) => {
    const first = viewers.messages
    const startMs = performance.now()
    await viewers.until(() => {
      const isOver = performance.now() - startMs >= durationMs
      while (
        !isOver &&
        changes * viewers.size - (viewers.messages - before) < atOnce * viewers.size
      ) {
        changes++
        change()
      }
      return isOver
    })
    return viewers.messages - first
  }
  await run(WARM_UP_MS)
  const use = watchUse()
  const messages = await run(seconds * 1000)
  const figures = { messages, messageBytes: viewers.messageBytes, ...use(messages) }
  await viewers.received(before + changes * viewers.size)
  return figures
}

/** The function returned gives the pace of so many messages, and what was used since. */
function watchUse() {
  const used = watchCpu(pid)
  return (messages) => {
    const { elapsedMs, serverMs, serverCpuShare, generatorCpuShare } = used()
    return {
      messagesPerSecond: (messages / elapsedMs) * 1000,
      serverMicrosPerMessage: serverMs === null ? null : (serverMs * 1000) / messages,
      ...{ serverCpuShare, generatorCpuShare },
    }
  }
}
