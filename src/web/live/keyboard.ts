/** How many rows PageUp and PageDown move. */
const PAGE = 10

/** The row that a key moves the focus to; `null`: the key does not move it. */
export function targetOf(key: string, index: number, count: number): number | null {
  const target = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + PAGE,
    PageUp: index - PAGE,
    Home: 0,
    End: count - 1,
  }[key]
  return target === undefined ? null : Math.min(Math.max(target, 0), count - 1)
}
