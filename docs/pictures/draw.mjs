// Draws the pictures of flows as SVG (flows.mjs says what they show). `make pictures` runs it.
// Each picture has colours of its own for light and dark, so that it is legible on any page.
import { writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { FLOWS } from './flows.mjs'

const FONT = 'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"'
const MARGIN = 20
const ACTOR_HEIGHT = 46
const STEP_HEIGHT = 46
const LINE_HEIGHT = 17
/** The mean width of a character, on the wide side: which font a reader has is not known. */
const CHARACTER = 6.9

const STYLE = `
    :root { --page: #ffffff; --edge: #d0d7de; --text: #1f2328; --quiet: #59636e; --box: #f3f5f8; --mark: #3454d1; --note: #fff6d8; --note-edge: #e2cf8d }
    @media (prefers-color-scheme: dark) {
      :root { --page: #0d1117; --edge: #30363d; --text: #e6edf3; --quiet: #9aa4ae; --box: #1a212b; --mark: #8ea6ff; --note: #2c2712; --note-edge: #5e5324 }
    }
    .page { fill: var(--page); stroke: var(--edge) } .actor { fill: var(--box); stroke: var(--edge) }
    .note { fill: var(--note); stroke: var(--note-edge) } .life { stroke: var(--edge); stroke-dasharray: 4 4 }
    .arrow { stroke: var(--mark); stroke-width: 1.6; fill: none } .answer { stroke-dasharray: 5 4 } .tip { fill: var(--mark) }
    text { fill: var(--text); font-size: 13px; text-anchor: middle } .name { font-weight: 600 } .small { fill: var(--quiet); font-size: 12px }`

const escaped = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const lines = (text, x, y, kind = '') =>
  text
    .split('\n')
    .map(
      (line, i) =>
        `<text x="${x}" y="${y + i * LINE_HEIGHT}"${kind && ` class="${kind}"`}>${escaped(line)}</text>`,
    )
    .join('\n  ')

const widthOf = (text) => Math.max(...text.split('\n').map((line) => line.length)) * CHARACTER

/** Throws where a text does not fit: it would lie on another. */
function fits(text, width) {
  if (widthOf(text) > width) {
    throw new Error(`${widthOf(text) - width} px too wide: ${text}`)
  }
}

/**
 * One picture. `actors`: names from left to right, a second line is small. `gap`: pixels between two.
 * `steps`: `{ from, to, text, isAnswer }` is an arrow, `{ at, note }` what an actor does by itself; actors by number.
 */
export function draw({ title, actors, gap, steps }) {
  const side = Math.max(gap / 2, 96)
  const width = 2 * side + gap * (actors.length - 1)
  const centre = (actor) => side + gap * actor
  const parts = []
  let y = MARGIN + ACTOR_HEIGHT + 34
  for (const step of steps) {
    if (step.note === undefined) {
      const [from, to] = [centre(step.from), centre(step.to)]
      const away = Math.sign(to - from)
      const rows = step.text.split('\n').length
      y += (rows - 1) * LINE_HEIGHT
      fits(step.text, Math.abs(to - from) - 8)
      parts.push(lines(step.text, (from + to) / 2, y - 8 - (rows - 1) * LINE_HEIGHT))
      parts.push(
        `<path class="arrow${step.isAnswer ? ' answer' : ''}" d="M${from} ${y}H${to - away * 8}"/>`,
        `<path class="tip" d="M${to} ${y}l${-away * 10} -5v10z"/>`,
      )
      y += STEP_HEIGHT
    } else {
      const rows = step.note.split('\n').length
      const [noteWidth, height] = [widthOf(step.note) + 16, rows * LINE_HEIGHT + 12]
      const left = Math.min(Math.max(centre(step.at) - noteWidth / 2, 8), width - noteWidth - 8)
      fits(step.note, width - 32)
      parts.push(
        `<rect class="note" x="${left}" y="${y - 24}" width="${noteWidth}" height="${height}" rx="6"/>`,
        lines(step.note, left + noteWidth / 2, y - 24 + LINE_HEIGHT + 1),
      )
      y += height + 20
    }
  }
  const bottom = y - 24
  const heads = actors.map((actor, i) => {
    const [name, below] = actor.split('\n')
    fits(name, gap - 24)
    const box = Math.min(gap - 16, 176)
    return [
      `<path class="life" d="M${centre(i)} ${MARGIN + ACTOR_HEIGHT}V${bottom}"/>`,
      `<rect class="actor" x="${centre(i) - box / 2}" y="${MARGIN}" width="${box}" height="${ACTOR_HEIGHT}" rx="8"/>`,
      lines(name, centre(i), MARGIN + (below ? 19 : 28), 'name'),
      ...(below ? [lines(below, centre(i), MARGIN + 36, 'small')] : []),
    ].join('\n  ')
  })
  const height = bottom + MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" ${FONT}>
  <title>${escaped(title)}</title>
  <style>${STYLE}
  </style>
  <rect class="page" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"/>
  ${[...heads, ...parts].join('\n  ')}
</svg>
`
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, flow] of Object.entries(FLOWS)) {
    writeFileSync(fileURLToPath(new URL(`${name}.svg`, import.meta.url)), draw(flow))
  }
}
