import { useEffect, useRef } from 'preact/hooks'

interface SearchFieldProps {
  readonly label: string
  readonly placeholder: string
  readonly value: string
  readonly onValue: (value: string) => void
}

/** A field for a search. "/" moves the focus to it from anywhere; Escape clears it. */
export function SearchField({ label, placeholder, value, onValue }: SearchFieldProps) {
  const search = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement
      const dialog = document.querySelector('dialog[open]')
      const withKeys = event.ctrlKey || event.metaKey || event.altKey
      if (event.key === '/' && !typing && !withKeys && dialog === null) {
        event.preventDefault()
        search.current?.select()
      }
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  return (
    <div class="search-field">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 3.5 3.5" />
      </svg>
      <input
        ref={search}
        type="search"
        aria-label={label}
        aria-keyshortcuts="/"
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Escape' && onValue('')}
      />
      <span class="hint" aria-hidden="true">
        /
      </span>
    </div>
  )
}
