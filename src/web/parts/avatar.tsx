import { withoutDeceptive } from './untrusted.js'

const TINTS = 6

/** The first character of a name on a colour of its own, so that rows differ at a glance. */
export function Avatar({ name }: { readonly name: string }) {
  const [initial = '?'] = withoutDeceptive(name).trim()
  let tint = 0
  for (const character of name) {
    tint = (tint * 31 + (character.codePointAt(0) ?? 0)) % TINTS
  }
  return (
    <span class={`avatar tint-${tint}`} aria-hidden="true">
      {initial.toUpperCase()}
    </span>
  )
}
