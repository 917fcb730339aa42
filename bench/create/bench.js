import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atLeast } from '../lib/verdicts.js'
import { createBesideEcho } from './beside-echo.js'
import { CONSTANT_META, FRESH_KEYS, NEW_OWNERS, P256_FRESH_KEYS } from './requests.js'

/** The share of the echo's calls a second that Create must reach, by shape, and should. */
const TARGETS = {
  [CONSTANT_META]: [0.38, 0.5],
  [FRESH_KEYS]: [0.27, 0.35],
  [NEW_OWNERS]: [0.27, 0.35],
}
/** The share of Create's calls a second with Ed25519 that it must reach with P-256, and should. */
const P256_TARGET = [0.5, 0.6]

/** Compares Create with a bare echo of the same message sizes, in turns; and P-256 owners with Ed25519 owners. */
export async function benchCreate(options, report) {
  const { medians, rounds } = await withServers((dataDir, start) =>
    measure(options, report, dataDir, start),
  )
  const shapes = Object.keys(TARGETS)
  const ofEcho = (shape) => ofReference(medians[shape], medians[`echo: ${shape}`])
  const p256 = medians[P256_FRESH_KEYS]
  return {
    table: loadTable([
      ...shapes.flatMap((shape) => [
        { name: `Create, ${shape}`, load: medians[shape], ofReference: ofEcho(shape) },
        { name: '  echo of the same sizes', load: medians[`echo: ${shape}`] },
      ]),
      ...(p256 ? [{ name: `Create, ${P256_FRESH_KEYS}`, load: p256 }] : []),
    ]),
    verdicts: [
      ...shapes.map((shape) => {
        const [target, aim] = TARGETS[shape]
        return atLeast(`Create, ${shape}: of the echo`, ofEcho(shape), target, { aim })
      }),
      ...(p256 ? [p256Verdict(p256, medians[FRESH_KEYS])] : []),
    ],
    figures: { medians, rounds },
  }
}

/** `ratiosAlone` omits what no echo is compared with. */
async function measure({ seconds, rounds, ratiosAlone }, report, dataDir, start) {
  const shapes = [...Object.keys(TARGETS), ...(ratiosAlone ? [] : [P256_FRESH_KEYS])]
  const { create, echo } = await createBesideEcho(start, dataDir, shapes)
  const loads = shapes.flatMap((shape) => [
    ...(shape === P256_FRESH_KEYS ? [] : [[`echo: ${shape}`, () => echo(shape, { seconds })]]),
    [shape, () => create(shape, { seconds })],
  ])
  return inTurn(Object.fromEntries(loads), rounds, report)
}

function p256Verdict(p256, ed25519) {
  const [target, aim] = P256_TARGET
  const ratio = ofReference(p256, ed25519)
  return atLeast(`Create, ${P256_FRESH_KEYS}: of Ed25519`, ratio, target, { aim })
}
