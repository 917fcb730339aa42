import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readPages } from '../../../src/http/pages.js'
import { temporaryDirectory } from '../../support/process.js'

it('the page is asked for again each time, and its files, named after their content, never', async () => {
  const directory = await temporaryDirectory(onTestFinished)
  await mkdir(join(directory, 'assets'))
  await writeFile(join(directory, 'index.html'), 'a')
  await writeFile(join(directory, 'assets', 'b.js'), 'b')
  const pages = readPages(directory)
  expect([...pages.keys()].sort()).toEqual(['/', '/assets/b.js'])
  expect(pages.get('/')?.headers).toMatchObject({ 'Cache-Control': 'no-cache' })
  expect(pages.get('/assets/b.js')?.headers).toMatchObject({
    'Cache-Control': 'public, max-age=31536000, immutable',
  })

  const before = pages.get('/')
  expect(readPages(directory).get('/')?.etag).toBe(before?.etag)
  await writeFile(join(directory, 'index.html'), 'c')
  expect(readPages(directory).get('/')?.etag).not.toBe(before?.etag)
})

it('there are no pages where none were built', () => {
  expect(readPages('/no/such/directory').size).toBe(0)
})
