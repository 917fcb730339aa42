import { base64 } from '@scure/base'

/** One block of a file in PEM (RFC 7468). */
export interface PemBlock {
  /** Such as `PRIVATE KEY`. */
  readonly label: string
  /** Whether a header (RFC 1421 section 4.6.1.1) says that it is encrypted. PKCS#8 says so in the label instead. */
  readonly hasEncryptedHeader: boolean
  /** null: it is cut short, or not base64. */
  readonly der: Uint8Array | null
}

const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/
const HEADER = /^[\w-]+:/

/**
 * The blocks of a text, which may have other text before, between and after them. Spaces around a line are ignored and
 * every kind of line end is accepted, as in OpenSSL.
 */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  let label: string | undefined
  let body: string[] = []
  const end = (isWhole: boolean) => {
    if (label !== undefined) {
      blocks.push(blockOf(label, body, isWhole))
    }
    label = undefined
    body = []
  }
  for (const rawLine of text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    const line = rawLine.trim()
    const [, begun] = BEGIN.exec(line) ?? []
    if (begun !== undefined) {
      end(false)
      label = begun
    } else if (line === `-----END ${label}-----`) {
      end(true)
    } else {
      body.push(line)
    }
  }
  end(false)
  return blocks
}

function blockOf(label: string, body: readonly string[], isWhole: boolean): PemBlock {
  const headerLines = HEADER.test(body[0] ?? '') ? body.indexOf('') + 1 : 0
  const headers = body.slice(0, headerLines)
  return {
    label,
    hasEncryptedHeader: headers.some((line) => /^Proc-Type:.*ENCRYPTED$/.test(line)),
    der: isWhole ? decoded(body.slice(headerLines).join('')) : null,
  }
}

/** Writes one block, in lines of 64 characters. */
export function pemText(label: string, der: Uint8Array): string {
  const lines = base64.encode(der).replace(/.{1,64}/g, '$&\n')
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`
}

function decoded(text: string): Uint8Array | null {
  try {
    return base64.decode(text.replace(/[ \t]/g, ''))
  } catch {
    return null
  }
}
