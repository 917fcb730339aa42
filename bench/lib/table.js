/** Rows of text under their headings: the first column left-aligned, the others right-aligned. */
export function formatTable(headings, rows) {
  const lines = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  '),
    )
    .join('\n')
}

/** A share as a percentage; null is what only Linux tells. */
export const percent = (share) => (share === null ? LINUX_ONLY : `${(100 * share).toFixed(0)} %`)

/** In the place of a figure that comes from /proc. */
export const LINUX_ONLY = 'Linux only'
