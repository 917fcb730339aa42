import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { number } from '../parts/count-text.js'
import { Modal } from '../parts/modal.js'
import type { OperatorError } from './calls.js'

interface EndDialogProps {
  readonly title: string
  /** What will happen, once that is known. */
  readonly children: ComponentChildren
  readonly consequence: string
  /** The button that does it. */
  readonly action: string
  /** null: what will happen is not known yet. */
  readonly total: number | null
  /** Why nothing can be done. */
  readonly problem: string
  readonly cancel: string
  /** Does it, and tells how far it is. Rejects if it failed. */
  readonly run: (signal: AbortSignal, onProgress: (done: number) => void) => Promise<void>
  readonly onClose: () => void
}

/** Asks before anything ends. While it goes on it shows how far it is, and can be stopped. */
export function EndDialog(props: EndDialogProps) {
  const { title, children, consequence, action, total, cancel, run, onClose } = props
  const [done, setDone] = useState<number | null>(null)
  const [problem, setProblem] = useState('')
  const abort = useRef(new AbortController())
  // Whoever leaves the dialog stops what goes on.
  useEffect(() => () => abort.current.abort(), [])
  const confirm = async () => {
    if (done !== null) {
      return
    }
    // An earlier attempt may have been stopped.
    abort.current = new AbortController()
    setDone(0)
    setProblem('')
    try {
      await run(abort.current.signal, setDone)
    } catch (error) {
      const { code, message } = error as OperatorError
      setProblem(code === 'UNREACHABLE' ? `${message} The outcome is unknown.` : message)
      setDone(null)
    }
  }
  return (
    <Modal title={title} onClose={done === null ? onClose : () => abort.current.abort()}>
      {children}
      <p class="muted">{consequence}</p>
      <p class="problem" role="alert">
        {problem || props.problem}
      </p>
      {done !== null && total !== null && total > 1 && (
        <label class="progress">
          <span>
            {number(done)} of {number(total)}
          </span>
          <progress value={done} max={total} />
        </label>
      )}
      <div class="modal-actions">
        <button
          type="button"
          class="plain"
          onClick={done === null ? onClose : () => abort.current.abort()}
        >
          {done === null ? cancel : 'Stop'}
        </button>
        <button
          type="button"
          class="plain danger"
          disabled={total === null || total === 0}
          // Not disabled, which would lose the focus.
          aria-disabled={done !== null}
          onClick={confirm}
        >
          {action}
        </button>
      </div>
    </Modal>
  )
}
