import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

interface ModalProps {
  readonly title: string
  /** Called if the person presses Escape or leaves the dialog in another way. */
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A dialog over the page. It keeps the focus until it closes, then gives it back. */
export function Modal({ title, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  // Escape closes it in any case. As long as it is drawn all the same, there is something to see: what goes on, or has failed.
  useLayoutEffect(() => {
    if (dialog.current?.open === false) {
      dialog.current.showModal()
    }
  })
  useLayoutEffect(() => {
    const shown = dialog.current
    return () => shown?.close()
  }, [])
  return (
    <dialog ref={dialog} class="modal" aria-labelledby="modal-title" onClose={onClose}>
      <h2 id="modal-title">{title}</h2>
      {children}
    </dialog>
  )
}
