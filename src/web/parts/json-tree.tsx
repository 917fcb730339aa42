import { useMemo, useState } from 'preact/hooks'
import { CopyButton } from './copy-button.js'
import { entriesOf, leafOf, parseJson } from './json.js'
import { Untrusted } from './untrusted.js'

/** Levels that are open at first. */
const OPEN_LEVELS = 2
/** Entries of one level that are drawn at once. */
const MOST_ENTRIES = 100

interface JsonTreeProps {
  readonly title: string
  readonly text: string
}

/** A JSON text as a tree. Levels are drawn when they are opened, so neither depth nor length matters. */
export function JsonTree({ title, text }: JsonTreeProps) {
  const parsed = useMemo(() => parseJson(text), [text])
  return (
    <section class="json" aria-label={title}>
      <h2>
        {title} <CopyButton what={`${title} as JSON`} text={text} />
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without it a keyboard could not scroll it */}
      <div class="json-body" tabIndex={0}>
        {parsed === null ? (
          <code class="json-raw">{text}</code>
        ) : (
          <Node name={null} value={parsed.value} level={0} />
        )}
      </div>
    </section>
  )
}

interface NodeProps {
  /** null: the whole. */
  readonly name: string | null
  readonly value: unknown
  readonly level: number
}

function Node({ name, value, level }: NodeProps) {
  const [isOpen, setOpen] = useState(level < OPEN_LEVELS)
  const label = name !== null && <Untrusted class="json-key" text={name} />
  const entries = entriesOf(value)
  if (entries === null) {
    const { kind, text } = leafOf(value)
    return (
      <div class="json-line">
        {label} <Untrusted class={`json-${kind}`} text={text} />
      </div>
    )
  }
  const size = sizeText(value, entries.length)
  if (entries.length === 0) {
    return (
      <div class="json-line">
        {label} <span class="muted">{size}</span>
      </div>
    )
  }
  if (name === null) {
    return <Entries entries={entries} level={level + 1} />
  }
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label} <span class="muted">{size}</span>
      </summary>
      {isOpen && (
        <div class="json-level">
          <Entries entries={entries} level={level + 1} />
        </div>
      )}
    </details>
  )
}

function sizeText(value: unknown, count: number): string {
  const part = Array.isArray(value) ? 'item' : 'field'
  return count === 0 ? `no ${part}s` : `${count} ${part}${count === 1 ? '' : 's'}`
}

interface EntriesProps {
  readonly entries: readonly (readonly [name: string, value: unknown])[]
  readonly level: number
}

function Entries({ entries, level }: EntriesProps) {
  const [most, setMost] = useState(MOST_ENTRIES)
  const left = entries.length - most
  return (
    <>
      {entries.slice(0, most).map(([name, value]) => (
        <Node key={name} name={name} value={value} level={level} />
      ))}
      {left > 0 && (
        <button type="button" class="link" onClick={() => setMost(most + MOST_ENTRIES)}>
          Show {Math.min(left, MOST_ENTRIES)} of {left} more
        </button>
      )}
    </>
  )
}
