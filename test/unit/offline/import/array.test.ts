import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Element, MAX_ELEMENT_BYTES } from '../../../../src/offline/import/element.js'
import { splitFile } from '../../../../src/offline/import/split.js'

async function* chunksOf(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) {
    yield bytes.subarray(at, at + length)
  }
}

async function split(text: string | Buffer, chunkLength = 7): Promise<Element[]> {
  const elements: Element[] = []
  for await (const element of splitFile(chunksOf(Buffer.from(text), chunkLength), 'file')) {
    elements.push(element)
  }
  return elements
}

const texts = (elements: Element[]) => elements.map(({ bytes }) => bytes?.toString().trim())

describe('the splitter', () => {
  it('gives back what JSON.stringify was given, wherever the chunks end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue({ maxDepth: 4 })),
        fc.constantFrom(undefined, 1, '\t', ' \r\n'),
        fc.integer({ min: 1, max: 50 }),
        async (values, indent, chunkLength) => {
          const elements = await split(JSON.stringify(values, null, indent), chunkLength)
          expect(elements.map(({ bytes }) => JSON.parse(String(bytes)))).toEqual(
            JSON.parse(JSON.stringify(values)),
          )
          expect(elements.map(({ number }) => number)).toEqual(values.map((_, i) => i + 1))
        },
      ),
    )
  })

  it('refuses or gives back whole elements, whatever it is fed', async () => {
    const byte = fc.constantFrom(...'[]{},:"\\ \na1'.split(''))
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { maxLength: 30 }), async (bytes) => {
        const text = bytes.join('')
        let isArray = true
        try {
          isArray = Array.isArray(JSON.parse(text))
        } catch {
          isArray = false
        }
        const elements = await split(text, 3).catch((error) => {
          expect(error.code).toBe('INVALID_INPUT_FILE')
          return null
        })
        if (isArray) {
          expect(elements?.map(({ bytes }) => JSON.parse(String(bytes)))).toEqual(JSON.parse(text))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('tells where an element begins', async () => {
    const elements = await split('\n[\n  {"a":\n1},\n\n  {"b":2}, 3\n]\n')
    expect(elements.map(({ number, line }) => [number, line])).toEqual([
      [1, 3],
      [2, 6],
      [3, 6],
    ])
  })

  it.each([
    ['[]', []],
    [' [ ] ', []],
    ['\ufeff[1]', ['1']],
    ['["a,]\\"",{"b":"}"}]', ['"a,]\\""', '{"b":"}"}']],
    ['[{} {}, }]', ['{} {}', '}']],
    ['[nonsense]', ['nonsense']],
  ])('takes %j', async (text, expected) => {
    expect(texts(await split(text))).toEqual(expected)
  })

  it.each<[string | Buffer, string]>([
    ['', 'holds nothing'],
    ['\ufeff \n', 'holds nothing'],
    ['\n\n7', 'line 3 begins neither a JSON array nor JSON documents'],
    ['\ufeff7', 'line 1 begins neither'],
    [Buffer.of(0xef, 0xbb, 0x5b, 0x5d), 'line 1 begins neither'],
    ['[{"a":1},', 'line 1 ends within the array'],
    ['[{"a":1}', 'line 1 ends within the array'],
    ['["a]', 'line 1 ends within the array'],
    ['[1,\n]', 'line 2 lacks an element'],
    ['[,1]', 'line 1 lacks an element'],
    ['[1,,1]', 'line 1 lacks an element'],
    ['[1]\n[2]', 'line 2 goes on after the array'],
  ])('refuses %j', async (text, problem) => {
    await expect(split(text)).rejects.toThrow(`file: ${problem}`)
  })

  it('keeps no element that is too long, and goes on after it', async () => {
    const long = `"${'x'.repeat(MAX_ELEMENT_BYTES)}"`
    const elements = await split(`[1, ${long},${' '.repeat(200_000)} 2]`, 65_536)
    expect(texts(elements)).toEqual(['1', undefined, '2'])
  })

  it.each([
    ['{"a":1}', [[1, '{"a":1}']]],
    [
      '\ufeff\n{"a":1}\r\n\r\n{"b":[\n  2]\n}\n',
      [
        [2, '{"a":1}'],
        [4, '{"b":[\n  2]\n}'],
      ],
    ],
    // What is cut off, or none, harms no other.
    [
      '{"a":"x\n{"b":2}\nnonsense\n{"c":3}',
      [
        [1, '{"a":"x'],
        [2, '{"b":2}'],
        [3, 'nonsense'],
        [4, '{"c":3}'],
      ],
    ],
  ])('takes documents, one a line or indented: %j', async (text, expected) => {
    for (const chunkLength of [1, 2, 7, 100]) {
      const elements = await split(text, chunkLength)
      expect(elements.map(({ line, bytes }) => [line, bytes?.toString().trim()])).toEqual(expected)
      expect(elements.map(({ number }) => number)).toEqual(expected.map((_, i) => i + 1))
    }
  })

  it('keeps no document that is too long, and goes on after it', async () => {
    const long = `{"x":"${'x'.repeat(MAX_ELEMENT_BYTES)}"}`
    const elements = await split(`{}\n${long}\n{"a":1}`, 65_536)
    expect(texts(elements)).toEqual(['{}', undefined, '{"a":1}'])
  })
})
