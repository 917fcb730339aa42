import { base58 } from '@scure/base'

/** What of a secret's base64 does not depend on the bytes around it, wherever it begins. */
export function base64Cores(bytes: Uint8Array, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes])
    const text = padded.toString(encoding).replace(/=+$/, '')
    return text.slice(before === 0 ? 0 : before + 1, padded.length % 3 === 0 ? undefined : -1)
  })
}

/** Every form in which bytes could stand in a text. */
function formsOf(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes)
  return [
    buffer.toString('latin1'),
    buffer.toString('utf8'),
    buffer.toString('hex'),
    buffer.toString('hex').toUpperCase(),
    ...base64Cores(bytes, 'base64'),
    ...base64Cores(bytes, 'base64url'),
    base58.encode(bytes),
    [...bytes].join(','),
    [...bytes].join(', '),
  ]
}

/** The names of those secrets that stand in a text, in whatever form. */
export function leaked(text: string, secrets: Readonly<Record<string, Uint8Array>>): string[] {
  return Object.keys(secrets).filter((name) =>
    formsOf(secrets[name] ?? Buffer.of()).some((form) => text.includes(form)),
  )
}
