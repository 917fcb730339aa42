import { type ByteMutation, byteMutations, pick, type Random } from '../support/mutate.js'

type Mutate = (random: Random, originals: readonly Buffer[]) => Buffer

/** Bytes of any kind. */
export const mutateBytes: Mutate = mutateBy([
  ...byteMutations,
  function setInteger(random, bytes) {
    const integer = Buffer.alloc(8)
    integer.writeBigInt64BE(pick(random, INTEGERS))
    const width = Math.min(pick(random, [1, 2, 4, 8]), bytes.length)
    const part = integer.subarray(8 - width)
    bytes.set(random(2) === 0 ? part : part.toReversed(), random(bytes.length - width + 1))
    return bytes
  },
  function repeat(random, bytes) {
    const at = random(bytes.length)
    const part = bytes.subarray(at, at + 1 + random(64))
    const times = pick(random, [1, 2, 10, 100, 1000])
    return Buffer.concat([bytes.subarray(0, at), ...Array(times).fill(part), bytes.subarray(at)])
  },
  function copyWithin(random, bytes) {
    return bytes.copyWithin(random(bytes.length), random(bytes.length), random(bytes.length + 1))
  },
])

const INTEGERS = [
  ...[0n, 1n, -1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fffffffn, 0x80000000n],
  ...[0xffffffffn, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)],
]

/** What looks like JSON but for the damage; a part of it is damaged in its bytes. */
export const mutateJson: Mutate = mutateText([
  replaceToken(/(?<=[:,[]\s*)(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)/g, jsonValue),
  replaceToken(/(?<=[:,[]\s*)(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)/g, jsonValue),
  replaceToken(/"(?:[^"\\]|\\.)*"(?=\s*:)/g, jsonKey),
  replaceToken(/(?<=")/g, (random) => pick(random, TEXTS)),
  replaceToken(/(?<=\{)/g, (random) => `${jsonKey(random)}:${jsonValue(random)},`),
  replaceToken(/[[\]{},:]/g, (random) => pick(random, ['', '[', ']', '{', '}', ',', ':', '"'])),
  function nest(random, text) {
    const token = pickMatch(random, text, /"(?:[^"\\]|\\.)*"(?!\s*:)|[\w.+-]+/g)
    const times = pick(random, [1, 2, 62, 63, 64, 65, 66, 3000])
    const [open, close] = pick(random, [
      ['[', ']'],
      ['{"a":', '}'],
    ])
    return replace(text, token, open.repeat(times) + token.text + close.repeat(times))
  },
  function duplicateMember(random, text, other) {
    const member = /"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+|\{[^{}]*\}|\[[^[\]]*\])/g
    const from = pickMatch(random, random(2) === 0 ? text : other, member)
    const at = pickMatch(random, text, /(?<=\{)/g)
    return replace(text, at, `${from.text},`)
  },
])

/** Lines with parameters. */
export const mutateLines: Mutate = mutateText([
  replaceToken(/^.*$/gm, (random) => pick(random, TEXTS)),
  replaceToken(/^.*$/gm, (random) => pick(random, NUMBERS)),
  function insert(random, text) {
    return replace(text, { text: '', index: random(text.length + 1) }, pick(random, TEXTS))
  },
  replaceToken(/[\r\n]/g, (random) => pick(random, ['', '\n', '\r', '\r\n', '\n\n', ' '])),
  function exchangeLine(random, text, other) {
    return replace(text, pickMatch(random, text, /^.*$/gm), pickMatch(random, other, /^.*$/gm).text)
  },
  function moveLine(random, text) {
    const lines = text.split('\n')
    const [line = ''] = lines.splice(random(lines.length), random(2))
    lines.splice(random(lines.length + 1), 0, line)
    return lines.join('\n')
  },
])

const utf8 = (text: string) => Buffer.from(text).toString('latin1')

const NUMBERS = [
  ...['0', '-0', '-1', '1', '0.5', '1e999', '-1e999', '1e21', '01', '100', '101', '00'],
  ...['2147483647', '2147483648', '-2147483648', '4294967296', '8640000000000000'],
  ...['8640000000000001', '9007199254740991', '9007199254740993', '18446744073709551616'],
]
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'length', 'fatal$']
/** In UTF-8, a character a byte, as all texts here; what stands in JSON is escaped where it must be. */
const TEXTS = [
  ...NAMES,
  ...['', ' ', 'a', '\\ud800', '\\udc00', '\\u0000', '\\ufeff', '\\u2028', '\\r\\n', '\\"', '\\\\'],
  ...[utf8('\ufeff'), utf8('é'), utf8('🎲'), utf8('\u202e'), '\0', '\x7f', '\xff', '\xed\xa0\x80'],
  ...['a'.repeat(64), 'a'.repeat(257), 'a'.repeat(5_000), '0'.repeat(70_000), ' '.repeat(300)],
  ...[
    '2030-01-01T00:00:00Z',
    '+275760-09-13T00:00:00.001Z',
    '-000001-01-01',
    '2030-02-30',
    '24:00',
  ],
]

function jsonKey(random: Random): string {
  return `"${pick(random, TEXTS)}"`
}

function jsonValue(random: Random): string {
  return pick<() => string>(random, [
    () => pick(random, ['null', 'true', 'false', '{}', '[]', '""', '[[]]', 'NaN', 'undefined']),
    () => pick(random, NUMBERS),
    () => `"${pick(random, NUMBERS)}"`,
    () => jsonKey(random),
    () => `{${jsonKey(random)}:${pick(random, NUMBERS)}}`,
    () => `[{"${pick(random, NAMES)}":null}]`,
  ])()
}

type TextMutation = (random: Random, text: string, other: string) => string

interface Match {
  readonly text: string
  readonly index: number
}

/** One of the pattern's matches; somewhere, where there is none. */
function pickMatch(random: Random, text: string, pattern: RegExp): Match {
  const matches = [...text.matchAll(pattern)]
  const match = matches[random(matches.length)]
  return match === undefined
    ? { text: '', index: random(text.length + 1) }
    : { text: match[0], index: match.index }
}

function replace(text: string, { text: old, index }: Match, by: string): string {
  return text.slice(0, index) + by + text.slice(index + old.length)
}

function replaceToken(pattern: RegExp, by: (random: Random) => string): TextMutation {
  return (random, text) => replace(text, pickMatch(random, text, pattern), by(random))
}

/** Texts are handled with a character for each byte, so that damaged UTF-8 stays as it is. */
function mutateText(mutations: readonly TextMutation[]): Mutate {
  const inText = mutations.map(
    (mutation): ByteMutation =>
      (random, bytes, other) =>
        Buffer.from(
          mutation(random, bytes.toString('latin1'), Buffer.from(other).toString('latin1')),
          'latin1',
        ),
  )
  const [wholly, alsoInBytes] = [mutateBy(inText), mutateBy([...inText, ...byteMutations])]
  return (random, originals) => (random(2) === 0 ? wholly : alsoInBytes)(random, originals)
}

/** Longer inputs take time and show nothing new. */
const MAX_BYTES = 256 * 1024

function mutateBy(mutations: readonly ByteMutation[]): Mutate {
  return (random, originals) => {
    let bytes = Buffer.from(pick(random, originals))
    for (let times = 1 + random(pick(random, [1, 4, 10])); times > 0; times--) {
      if (bytes.length > 0 && bytes.length < MAX_BYTES) {
        bytes = Buffer.from(pick(random, mutations)(random, bytes, pick(random, originals)))
      }
    }
    return bytes.subarray(0, MAX_BYTES)
  }
}
