import type { Command } from './reply.js'

const CR = 13
const LF = 10
const ZERO = 48
const TYPE = { bulk: 36, array: 42 } as const

let scratch = Buffer.allocUnsafe(64 * 1024)

/**
 * The bytes of a command: an array of bulk strings of RESP (https://valkey.io/topics/protocol/). They are made once, by
 * whoever must know how many they are, in less time than the client library takes.
 */
export function encode(command: Command): Buffer {
  let at = header(TYPE.array, command.length, 0)
  for (const arg of command) {
    // A character takes at most three bytes of UTF-8.
    makeRoom(at, 16 + arg.length * 3)
    at = typeof arg === 'string' ? encodeText(arg, at) : encodeBytes(arg, at)
  }
  return Buffer.from(scratch.subarray(0, at))
}

function encodeBytes(bytes: Buffer, start: number): number {
  const at = header(TYPE.bulk, bytes.length, start)
  scratch.set(bytes, at)
  return lineEnd(at + bytes.length)
}

/** Keys are short and ASCII: for them a loop is faster than a call of Node's. */
const MAX_LOOP_CHARS = 64

function encodeText(text: string, start: number): number {
  if (text.length <= MAX_LOOP_CHARS) {
    const from = header(TYPE.bulk, text.length, start)
    let i = 0
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        break
      }
      scratch[from + i] = code
    }
    if (i === text.length) {
      return lineEnd(from + i)
    }
  }
  const at = header(TYPE.bulk, Buffer.byteLength(text), start)
  return lineEnd(at + scratch.write(text, at))
}

function header(type: number, length: number, start: number): number {
  scratch[start] = type
  let at = start + 1
  if (length < 10) {
    scratch[at++] = ZERO + length
  } else {
    at += scratch.write(`${length}`, at, 'latin1')
  }
  return lineEnd(at)
}

function lineEnd(at: number): number {
  scratch[at] = CR
  scratch[at + 1] = LF
  return at + 2
}

function makeRoom(used: number, more: number): void {
  if (used + more > scratch.length) {
    const larger = Buffer.allocUnsafe((used + more) * 2)
    larger.set(scratch.subarray(0, used))
    scratch = larger
  }
}
