import { rounded } from '../lib/verdicts.js'

const [WIDTH, HEIGHT] = [640, 340]
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 32, 40, 84]
const COLOURS = ['#0b6e99', '#c8501e', '#4f7d28', '#7a4fa3']

/**
 * An SVG of lines over a logarithmic x: `title` says what y is, `x` what x is, and each line has a `name` and `points`
 * [x, y]. y begins at 0.
 */
export function drawPlot({ title, x, lines }) {
  const points = lines.flatMap((line) => line.points)
  const xs = [...new Set(points.map(([at]) => at))].sort((a, b) => a - b)
  const [first, last] = [Math.log(xs[0]), Math.log(xs.at(-1))]
  const ticks = yTicks(Math.max(...points.map(([, y]) => y)))
  const px = (at) => LEFT + ((Math.log(at) - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT)
  const py = (y) => HEIGHT - BOTTOM - (y / ticks.at(-1)) * (HEIGHT - TOP - BOTTOM)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${title}, over ${x}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 22, title, ' font-weight="bold"'),
    ...ticks.flatMap((y) => [
      `<path d="M${LEFT} ${py(y).toFixed(1)}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      text(LEFT - 8, py(y) + 4, rounded(y), ' text-anchor="end"'),
    ]),
    ...xs.map((at) => text(px(at), HEIGHT - BOTTOM + 18, shortened(at), ' text-anchor="middle"')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 38, x, ' text-anchor="middle"'),
    ...lines.flatMap((line, i) => drawLine(line, COLOURS[i], LEFT + i * 190, px, py)),
    '</svg>',
    '',
  ].join('\n')
}

function drawLine({ name, points }, colour, legendX, px, py) {
  const at = points.map(([x, y]) => [px(x).toFixed(1), py(y).toFixed(1)])
  return [
    `<path d="M${at.map((point) => point.join(' ')).join('L')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...at.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`),
    `<circle cx="${legendX}" cy="${HEIGHT - 22}" r="4" fill="${colour}"/>`,
    text(legendX + 10, HEIGHT - 18, name),
  ]
}

function text(x, y, content, attributes = '') {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${attributes}>${content}</text>`
}

/** Four to eight round numbers from 0 to above the largest. */
function yTicks(largest) {
  const magnitude = 10 ** Math.floor(Math.log10(largest / 4))
  const step = magnitude * [1, 2, 5, 10].find((of) => largest / (of * magnitude) <= 7)
  return Array.from({ length: Math.ceil(largest / step) + 1 }, (_, i) => i * step)
}

function shortened(count) {
  const [unit, name] = count >= 1e6 ? [1e6, ' M'] : count >= 1e4 ? [1e3, ' k'] : [1, '']
  return `${count / unit}${name}`
}
