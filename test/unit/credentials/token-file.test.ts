import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readTokenFile } from '../../../src/credentials/token-file.js'
import { temporaryDirectory } from '../../support/process.js'

const SIXTEEN = '0123456789abcdef'
const newFile = async () => join(await temporaryDirectory(onTestFinished), 'token')

async function fileWith(text: string): Promise<string> {
  const file = await newFile()
  await writeFile(file, text)
  return file
}

describe('a token file', () => {
  it.each([SIXTEEN, `${SIXTEEN}\n`, ` \t${SIXTEEN}\r\n`])(
    'holds a token of 16 characters or more, with white space around it: %j',
    async (text) => {
      expect(readTokenFile(await fileWith(text))).toBe(SIXTEEN)
    },
  )

  it.each([
    ['one that could be guessed', SIXTEEN.slice(1)],
    ['none', ''],
    ['two', `${SIXTEEN} ${SIXTEEN}`],
    ['one that no header can carry', `${SIXTEEN}é`],
  ])('is refused where it holds %s, and not quoted', async (_, text) => {
    const file = await fileWith(text)
    expect(() => readTokenFile(file)).toThrow(
      `${file}: must hold one token of at least 16 characters: ASCII, without spaces`,
    )
  })

  it('that is not there is named with the command that makes a token', async () => {
    const file = await newFile()
    expect(() => readTokenFile(file)).toThrow(
      `${file}: is not there: write a token into it (openssl rand -hex 32)`,
    )
  })

  it('that cannot be read is not told as missing', async () => {
    const file = await newFile()
    await mkdir(file)
    expect(() => readTokenFile(file)).toThrow(/: cannot be read/)
  })
})
