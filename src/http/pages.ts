import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { OutgoingHttpHeaders } from 'node:http'
import { extname, join, sep } from 'node:path'

/** A file of the page, with its headers. */
export interface PageFile {
  readonly body: Buffer
  /** Changes with the body (RFC 9110 section 8.8.3). */
  readonly etag: string
  readonly headers: OutgoingHttpHeaders
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** Allows nothing from other sites, nothing inline, and no text to become markup. */
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
    "require-trusted-types-for 'script'; trusted-types 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}

/**
 * The files of the built page, by path; `/` is index.html. They are read once, so no request reaches the file system.
 * Empty if the directory does not exist: the page was not built.
 */
export function readPages(directory: string): ReadonlyMap<string, PageFile> {
  const pages = new Map<string, PageFile>()
  for (const name of listFiles(directory)) {
    const type = TYPES[extname(name)]
    if (type !== undefined) {
      const body = readFileSync(join(directory, name))
      const path = `/${name.split(sep).join('/')}`
      // Such a file is named after its content, so it never changes.
      const isHashed = path.startsWith('/assets/')
      const caching = isHashed ? 'public, max-age=31536000, immutable' : 'no-cache'
      const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
      const headers = {
        ...SECURITY_HEADERS,
        'Content-Type': type,
        'Content-Length': body.length,
        'Cache-Control': caching,
      }
      pages.set(path === '/index.html' ? '/' : path, { body, etag, headers })
    }
  }
  return pages
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return []
    }
    throw error
  }
}
