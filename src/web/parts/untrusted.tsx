/** Controls, and characters that turn or embed the text around them: with them one name looks like another. */
const DECEPTIVE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

interface UntrustedProps {
  readonly text: string
  readonly class?: string
}

/** Text that callers chose, apart from the text around it. Deceptive characters are shown as `\u{…}`. */
export function Untrusted({ text, class: className }: UntrustedProps) {
  const shown = text.replace(DECEPTIVE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
  return <bdi class={className}>{shown}</bdi>
}

export const withoutDeceptive = (text: string): string => text.replace(DECEPTIVE, '')
