import { useEffect, useState } from 'preact/hooks'

const SHOWN_MS = 1_500

interface CopyButtonProps {
  /** What is copied, as in "Copy the user id". */
  readonly what: string
  readonly text: string
}

/** Copies a text, and says whether that worked. */
export function CopyButton({ what, text }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'' | 'copied' | 'failed'>('')
  useEffect(() => {
    const timer = setTimeout(() => setOutcome(''), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [outcome])
  const copy = async () => setOutcome((await copied(text)) ? 'copied' : 'failed')
  return (
    <>
      <button
        type="button"
        class={`copy ${outcome}`}
        aria-label={`Copy ${what}`}
        title={`Copy ${what}`}
        onClick={copy}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          {outcome === 'copied' ? (
            <path d="m3 8.5 3.5 3.5L13 5" />
          ) : (
            <path d="M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8z" />
          )}
        </svg>
      </button>
      <span class="visually-hidden" role="status">
        {outcome === 'copied' && 'Copied'}
        {outcome === 'failed' && 'The browser does not let this page copy'}
      </span>
    </>
  )
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copiedBySelection(text)
  }
}

/** Pages without TLS, except on this machine, have no clipboard of their own. */
function copiedBySelection(text: string): boolean {
  const had = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'visually-hidden'
  // A modal dialog lets nothing outside it be selected.
  ;(had?.closest('dialog') ?? document.body).append(field)
  field.select()
  const worked = document.execCommand('copy')
  field.remove()
  if (had instanceof HTMLElement) {
    had.focus({ preventScroll: true })
  }
  return worked
}
