import { base64 } from '@scure/base'

/** One block of a file in PEM (RFC 7468). */
export interface PemBlock {
  /** Such as `PRIVATE KEY`. */
  readonly label: string
  /** By a header of RFC 1421 section 4.6.1.1; PKCS#8 says it in the label instead. */
  readonly hasEncryptedHeader: boolean
  /** null where it is cut short, or not base64. */
  readonly der: Uint8Array | null
}

const BEGIN = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/
const HEADER = /^[\w-]+:/

/**
 * The blocks of a text, which may hold anything before, between and after them. Blanks around a line and
 * either line end are ignored, as OpenSSL does.
 */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = []
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)
  for (let at = 0; at < lines.length; at++) {
    const [, label] = BEGIN.exec(lines[at]?.trim() ?? '') ?? []
    if (label === undefined) {
      continue
    }
    const body: string[] = []
    let isWhole = false
    while (!isWhole && ++at < lines.length) {
      const line = lines[at]?.trim() ?? ''
      if (BEGIN.test(line)) {
        at-- // It begins a block of its own.
        break
      }
      isWhole = line === `-----END ${label}-----`
      body.push(line)
    }
    const content = body.slice(0, -1)
    const headers = HEADER.test(content[0] ?? '') ? content.splice(0, content.indexOf('') + 1) : []
    blocks.push({
      label,
      hasEncryptedHeader: headers.some((line) => /^Proc-Type:.*ENCRYPTED$/.test(line)),
      der: isWhole ? decoded(content.join('')) : null,
    })
  }
  return blocks
}

/** One block, in lines of 64 characters. */
export function pemText(label: string, der: Uint8Array): string {
  const lines = base64.encode(der).match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

function decoded(text: string): Uint8Array | null {
  try {
    return base64.decode(text.replace(/[ \t]/g, ''))
  } catch {
    return null
  }
}
