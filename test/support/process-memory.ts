import { open, readFile } from 'node:fs/promises'
import { haveTool } from './tools.js'

/** Whether this process may read the memory of one that it started: on Linux, unless the system forbids it. */
export const canReadMemory = haveTool('process memory', [
  process.execPath,
  '--eval',
  `const child = require('node:child_process').spawn(process.execPath, ['--eval', 'setTimeout(() => {}, 60_000)'])
   try {
     require('node:fs').openSync('/proc/' + child.pid + '/mem')
   } finally {
     child.kill('SIGKILL')
   }`,
])

/** A stretch of memory of a process. */
interface Region {
  readonly from: number
  readonly to: number
  /** As `/proc/PID/maps` has it, such as `rw-p [heap]`. */
  readonly name: string
}

/** At a time. */
const CHUNK_BYTES = 8 * 1024 * 1024

/** What may hold something that the process wrote: all that is readable but the code and constants of its files. */
async function regionsOf(pid: number): Promise<Region[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8')
  return maps.split('\n').flatMap((line) => {
    const [, from, to, access, path] =
      /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/.exec(line) ?? []
    const isConstant = !access?.includes('w') && path !== ''
    return from === undefined || to === undefined || !access?.startsWith('r') || isConstant
      ? []
      : [
          {
            from: Number.parseInt(from, 16),
            to: Number.parseInt(to, 16),
            name: `${access} ${path}`,
          },
        ]
  })
}

/** What is looked for, by its name, in each form that it may have. At least 8 bytes each. */
export type Needles = ReadonlyMap<string, readonly Uint8Array[]>

/** Where something was found. */
export interface MemoryFind {
  readonly name: string
  /** The region of the memory, with the place in it. */
  readonly where: string
}

/** Everything of this that is in the memory of a process, and how many bytes of it were read. */
export async function searchMemory(
  pid: number,
  needles: Needles,
): Promise<{ finds: MemoryFind[]; bytes: number }> {
  const find = finder(needles)
  const longest = Math.max(...[...needles.values()].flat().map(({ length }) => length))
  const memory = await open(`/proc/${pid}/mem`)
  const finds: MemoryFind[] = []
  let bytes = 0
  const buffer = Buffer.alloc(CHUNK_BYTES)
  try {
    for (const { from, to, name } of await regionsOf(pid)) {
      // What begins in one chunk and ends in the next is looked for in both.
      for (let at = from; at < to; at += CHUNK_BYTES - longest) {
        const length = Math.min(CHUNK_BYTES, to - at)
        const { bytesRead } = await memory
          .read(buffer, 0, length, at)
          // The region may be gone by now.
          .catch(() => ({ bytesRead: 0 }))
        bytes += bytesRead
        for (const [found, offset] of find(buffer.subarray(0, bytesRead))) {
          const place = (at + offset).toString(16)
          finds.push({ name: found, where: `${place} in ${from.toString(16)} ${name}` })
        }
      }
    }
  } finally {
    await memory.close()
    buffer.fill(0)
  }
  return { finds, bytes }
}

/** Looks for all needles in one pass: most places are passed over by their first two bytes. */
function finder(needles: Needles): (bytes: Buffer) => [name: string, offset: number][] {
  const begins = new Uint8Array(0x10000)
  const byBegin = new Map<number, { name: string; needle: Buffer }[]>()
  for (const [name, forms] of needles) {
    for (const form of forms) {
      const needle = Buffer.from(form)
      const begin = needle.readUInt16LE()
      begins[begin] = 1
      byBegin.set(begin, [...(byBegin.get(begin) ?? []), { name, needle }])
    }
  }
  return (bytes) => {
    const found: [string, number][] = []
    let begin = bytes[0] ?? 0
    for (let i = 1; i < bytes.length; i++) {
      begin |= (bytes[i] as number) << 8
      if (begins[begin] === 1) {
        for (const { name, needle } of byBegin.get(begin) ?? []) {
          if (needle.equals(bytes.subarray(i - 1, i - 1 + needle.length))) {
            found.push([name, i - 1])
          }
        }
      }
      begin >>= 8
    }
    return found
  }
}
