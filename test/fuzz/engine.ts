import { createHash, randomInt } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Random, seededRandom } from '../support/mutate.js'

/** Something that reads what strangers wrote. */
export interface Reader {
  /** Its folder under test/fuzz/corpus. */
  readonly name: string
  /** Valid inputs, from which the others are made. */
  readonly seeds: readonly (string | Uint8Array)[]
  readonly mutate: (random: Random, originals: readonly Buffer[]) => Buffer
  /**
   * Reads one input. Throws where the reader does what it must not; else says what became of the
   * input. `random` depends on the input alone, so that a stored input does the same again.
   */
  readonly check: (input: Buffer, random: Random) => string | Promise<string>
  /** What must become of some inputs, else the test would show nothing: it goes on until all of it has. */
  readonly reaches: readonly string[]
  /** However slow the machine is; default 2000. */
  readonly leastRuns?: number
}

const SECONDS = Number(
  process.env.SESSIOND_FUZZ_SECONDS ?? (process.env.SESSIOND_TEST_LONG ? 600 : 1),
)
const MAX_SEED = 2 ** 32
/** `make test` has the same inputs each time, and shows what a change broke; a search has new ones. */
const isSearch = Boolean(process.env.SESSIOND_FUZZ_SECONDS ?? process.env.SESSIOND_TEST_LONG)
/** Each run's input follows from its seed: the first run's from this one, then from the next ones. */
const FIRST_SEED = Number(process.env.SESSIOND_FUZZ_SEED ?? (isSearch ? randomInt(MAX_SEED) : 1))
const CORPUS = fileURLToPath(new URL('corpus', import.meta.url))
/** How long the event loop may wait for a reader that never waits. */
const TURN_MS = 20
/** How many times the least number of runs may be needed to reach all that must be. */
const MOST_TIMES = 50
const MAX_SHRINKS = 300
const SLACK_MS = 120_000

/** Replays what was found before, then damages valid inputs for as long as it is told to. */
export function fuzz(reader: Reader): void {
  const folder = join(CORPUS, reader.name)
  const stored = filesOf(folder)
  const originals = [...reader.seeds.map((seed) => Buffer.from(seed)), ...stored.values()]

  describe(reader.name, () => {
    test('reads its valid inputs, and what was found before', async () => {
      for (const [name, input] of [
        ...reader.seeds.map((seed, i) => [`seed ${i}`, Buffer.from(seed)] as const),
        ...stored,
      ]) {
        const problem = await problemOf(reader, input)
        if (problem !== undefined) {
          throw new Error(`${name}: ${quoted(input)}`, { cause: problem })
        }
      }
    })

    test(
      `withstands mutations for ${SECONDS} s (SESSIOND_FUZZ_SEED=${FIRST_SEED})`,
      async () => {
        const outcomes = new Map<string, number>()
        const count = (outcome: string) => outcomes.set(outcome, 1 + (outcomes.get(outcome) ?? 0))
        const { leastRuns = 2000 } = reader
        const endMs = performance.now() + SECONDS * 1000
        let turnEndMs = 0
        let runs = 0
        const isReached = () => reader.reaches.every((outcome) => outcomes.has(outcome))
        const wantsMore = () => runs < leastRuns || (runs < MOST_TIMES * leastRuns && !isReached())
        // The budget bounds the work and asserts nothing; what is asserted depends on numbers of runs.
        for (; wantsMore() || performance.now() < endMs; runs++) {
          const seed = (FIRST_SEED + runs) % MAX_SEED
          const input = reader.mutate(seededRandom(seed), originals)
          const problem = await problemOf(reader, input, count)
          if (problem !== undefined) {
            throw await found(reader, folder, input, seed, problem)
          }
          if (performance.now() > turnEndMs) {
            await setImmediate()
            turnEndMs = performance.now() + TURN_MS
          }
        }
        expect(runs).toBeGreaterThanOrEqual(leastRuns)
        expect([...outcomes.keys()]).toEqual(expect.arrayContaining([...reader.reaches]))
        if (process.env.SESSIOND_FUZZ_SECONDS !== undefined) {
          console.log(reader.name, runs, 'runs:', Object.fromEntries(outcomes))
        }
      },
      SECONDS * 1000 + SLACK_MS,
    )
  })
}

/** What is wrong with how the input was read; also what nobody awaits. */
async function problemOf(
  reader: Reader,
  input: Buffer,
  count: (outcome: string) => void = () => {},
): Promise<unknown> {
  let problem: unknown
  const note = (error: unknown) => {
    problem ??= error ?? new Error('something was thrown that is nothing')
  }
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  try {
    const digest = createHash('sha256').update(input).digest()
    const outcome = reader.check(Buffer.from(input), seededRandom(digest.readUInt32LE()))
    count(typeof outcome === 'string' ? outcome : await outcome)
    for (const key in {}) {
      Reflect.deleteProperty(Object.prototype, key)
      throw new Error(`every object now has the property ${JSON.stringify(key)}`)
    }
  } catch (error) {
    note(error)
  } finally {
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
  }
  return problem
}

/** Keeps a shorter input that fails too, and says how to see it again. */
async function found(
  reader: Reader,
  folder: string,
  input: Buffer,
  seed: number,
  problem: unknown,
): Promise<Error> {
  let shortest = input
  let cause = problem
  let tries = 0
  for (let part = input.length >> 1; part > 0 && tries < MAX_SHRINKS; part >>= 1) {
    for (let at = 0; at < shortest.length && tries < MAX_SHRINKS; tries++) {
      const shorter = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + part)])
      const itsProblem = await problemOf(reader, shorter)
      if (itsProblem === undefined) {
        at += part
      } else {
        shortest = shorter
        cause = itsProblem
      }
    }
  }
  const name = createHash('sha256').update(shortest).digest('hex').slice(0, 16)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), shortest)
  return new Error(
    `${reader.name} fails at ${quoted(shortest)}\n` +
      `written to test/fuzz/corpus/${reader.name}/${name}: name it for what it shows, and commit it with the repair\n` +
      `(before it was shortened: SESSIOND_FUZZ_SEED=${seed})`,
    { cause },
  )
}

function quoted(input: Buffer): string {
  return JSON.stringify(input.subarray(0, 2000).toString('latin1'))
}

function filesOf(folder: string): Map<string, Buffer> {
  try {
    return new Map(
      readdirSync(folder)
        .sort()
        .map((name) => [name, readFileSync(join(folder, name))]),
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return new Map()
    }
    throw error
  }
}
