import { useLayoutEffect } from 'preact/hooks'

/**
 * If what had the focus goes with this rendering, such as a button that did its work, the console's number of sessions
 * gets it. So Tab goes on from there, not from the top of the page.
 */
export function useKeptFocus(): void {
  const hadFocus = document.activeElement !== document.body
  useLayoutEffect(() => {
    if (hadFocus && document.activeElement === document.body) {
      document.querySelector<HTMLElement>('.found-count')?.focus({ preventScroll: true })
    }
  })
}
