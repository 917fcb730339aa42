/** The height in pixels that the toolbar covers once the page is scrolled. */
export function coveredHeight(): number {
  return document.querySelector('.toolbar')?.clientHeight ?? 0
}

/** Scrolls as little as needed to show this part of a list. If it does not fit, its top is shown. */
export function reveal(list: HTMLElement | null, top: number, bottom: number): void {
  const at = list?.getBoundingClientRect().top ?? 0
  const above = at + top - coveredHeight()
  const below = at + bottom - innerHeight
  if (above < 0) {
    scrollBy(0, above)
  } else if (below > 0) {
    scrollBy(0, Math.min(below, above))
  }
}
