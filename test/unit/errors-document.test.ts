import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { status } from '@grpc/grpc-js'
import { expect, it } from 'vitest'
import { EXIT_CODES } from '../../src/cli/output/exit-codes.js'
import { CATEGORIES } from '../../src/commandable/description.js'
import { STATUS_CODES } from '../../src/grpc/pipeline/status.js'
import { HTTP_STATUSES } from '../../src/net/http-statuses.js'

const docs = new URL('../../docs/', import.meta.url)

/** The rows of a page's tables, by each code that stands in their first cell. */
async function rowsOf(page: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const text = await readFile(fileURLToPath(new URL(page, docs)), 'utf8')
  const rows = text.split('\n').filter((line) => line.startsWith('| `'))
  return new Map(
    rows.flatMap((row) => {
      const [, codes = '', ...cells] = row.split('|').map((cell) => cell.trim())
      return [...codes.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => [code, cells])
    }),
  )
}

it('errors.md lists every error that a caller is told of, with its gRPC code', async () => {
  const rows = await rowsOf('errors.md')
  for (const [code, grpcCode] of Object.entries(STATUS_CODES)) {
    expect([code, rows.get(code)?.[0]]).toEqual([code, status[grpcCode]])
  }
})

it('errors.md lists every error that ends a command, with its exit code', async () => {
  const text = await readFile(fileURLToPath(new URL('errors.md', docs)), 'utf8')
  const rows = await rowsOf('errors.md')
  for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
    expect(text).toContain(`\`${code}\``)
    const [cell = ''] = rows.get(code) ?? []
    expect([code, /^\d$/.test(cell) ? cell : `${exitCode}`]).toEqual([code, `${exitCode}`])
  }
})

it('seneca.md has the HTTP status of every error that it lists', async () => {
  const rows = await rowsOf('protocols/seneca.md')
  const told = Object.entries(HTTP_STATUSES).filter(([code]) => rows.has(code))
  expect(told.length).toBeGreaterThan(10)
  for (const [code, httpStatus] of told) {
    expect([code, rows.get(code)?.[0]]).toEqual([code, `${httpStatus}`])
  }
})

it('sessions-v1.md has the category and the HTTP status of every error that it lists', async () => {
  const rows = await rowsOf('protocols/sessions-v1.md')
  const told = Object.entries(HTTP_STATUSES).filter(([code]) => rows.has(code))
  expect(told.length).toBeGreaterThan(6)
  for (const [code, httpStatus] of told) {
    const category = CATEGORIES[code as keyof typeof CATEGORIES]
    expect([code, ...(rows.get(code)?.slice(0, 2) ?? [])]).toEqual([
      code,
      `\`${category}\``,
      `${httpStatus}`,
    ])
  }
})
