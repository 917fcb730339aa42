import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { watchFiles } from '../../../src/files/watch.js'
import type { Every } from '../../../src/net/background-timers.js'
import { temporaryPath } from '../../support/files.js'

describe('files that are watched', () => {
  it('are read again when they change, but what is no file is read once', async () => {
    const directory = await temporaryPath()
    const [file, pipe] = [join(directory, 'file'), join(directory, 'pipe')]
    await writeFile(file, '')
    execFileSync('mkfifo', [pipe])
    const looks: (() => void)[] = []
    const readings = { file: 0, pipe: 0 }
    const every: Every = (_, look) => {
      looks.push(look)
      return () => {}
    }
    watchFiles(
      [file],
      () => ++readings.file,
      () => {},
      { every },
    )
    watchFiles(
      [pipe],
      () => ++readings.pipe,
      () => {},
      { every },
    )
    await utimes(file, 1, 1)
    await utimes(pipe, 1, 1)
    for (const look of looks) {
      look()
    }
    expect(readings).toEqual({ file: 2, pipe: 1 })
  })

  it('keep their earlier content while a change cannot be read', async () => {
    const file = await temporaryPath('file')
    await writeFile(file, '1')
    let poll = () => {}
    const outcomes: unknown[] = []
    const watched = watchFiles(
      [file],
      () => JSON.parse(readFileSync(file, 'utf8')),
      (outcome) => outcomes.push('value' in outcome ? outcome.value : 'error'),
      {
        every: (_, run) => {
          poll = run
          return () => {}
        },
      },
    )
    for (const text of ['{', '22', '22']) {
      await writeFile(file, text)
      poll()
      poll()
      outcomes.push(watched.current())
    }
    // The last text is read again: the file was written, though it says the same.
    expect(outcomes).toEqual(['error', 1, 22, 22, 22, 22])
  })
})
