/** Pixels at the window's top that the toolbar covers, once the page has scrolled. */
export function coveredHeight(): number {
  return document.querySelector('.toolbar')?.clientHeight ?? 0
}

/** Scrolls no further than needed to show this part of a list, its top rather than its bottom. */
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
