import { number } from '../parts/count-text.js'

interface SelectionBarProps {
  readonly count: number
  /** How many of them are open. */
  readonly open: number
  readonly onEnd: (what: 'close' | 'delete') => void
  readonly onClear: () => void
}

/** What can be done with the selected sessions. */
export function SelectionBar({ count, open, onEnd, onClear }: SelectionBarProps) {
  return (
    <section class="selection" aria-label="Selected sessions">
      <p role="status">
        <strong>{number(count)}</strong> selected
      </p>
      <button type="button" class="link" onClick={onClear}>
        Clear
      </button>
      <span class="gap" />
      <button
        type="button"
        class="plain danger"
        disabled={open === 0}
        onClick={() => onEnd('close')}
      >
        Close…
      </button>
      <button type="button" class="plain danger" onClick={() => onEnd('delete')}>
        Delete…
      </button>
    </section>
  )
}
