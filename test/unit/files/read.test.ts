import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readInput, readInputText } from '../../../src/files/read.js'
import { temporaryPath } from '../../support/files.js'

describe('the text of an input', () => {
  it.each([
    ['UTF-8', Buffer.from('Zoë')],
    ['UTF-8 with its mark', Buffer.from('\ufeffZoë')],
    ['UTF-16 with its mark', Buffer.from('\ufeffZoë', 'utf16le')],
    ['UTF-16 of the other order with its mark', Buffer.from('\ufeffZoë', 'utf16le').swap16()],
  ])('is the same in %s', async (_name, bytes) => {
    const file = await temporaryPath('file')
    await writeFile(file, bytes)
    expect(readInputText(file)).toBe('Zoë')
  })

  it('is not without end, and not of a directory', () => {
    expect(() => readInput('/dev/zero')).toThrow('/dev/zero: is longer than')
    expect(() => readInput('/')).toThrow(/^\/: cannot be read: EISDIR/)
  })
})
