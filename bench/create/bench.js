import { loadTable } from '../lib/loads.js'
import { withServers } from '../lib/processes.js'
import { inTurn, ofReference } from '../lib/turns.js'
import { atLeast } from '../lib/verdicts.js'
import { createBesideEcho, loadCreate } from './beside-echo.js'
import { CONSTANT_META, FRESH_KEYS, NEW_OWNERS, P256_FRESH_KEYS } from './requests.js'

/** The share of the echo's calls a second that Create must reach, by shape, and should. */
const TARGETS = {
  [CONSTANT_META]: [0.38, 0.5],
  [FRESH_KEYS]: [0.27, 0.35],
  [NEW_OWNERS]: [0.27, 0.35],
}
const PROTOTYPE = `${import.meta.dirname}/prototype.js`
/** The share of the prototype's calls a second that Create must reach: what it has to do beside the bare path is little. */
const PROTOTYPE_TARGET = 0.83
/** The share of Create's calls a second with Ed25519 that it must reach with P-256, and should. */
const P256_TARGET = [0.5, 0.6]

/**
 * Compares Create with a bare echo of the same message sizes and with a prototype of its bare path, in turns; and P-256
 * owners with Ed25519 owners. The prototype's share of the echo is what this machine can reach.
 */
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
        ...prototypeRow(medians, shape),
        { name: '  echo of the same sizes', load: medians[`echo: ${shape}`] },
      ]),
      ...(p256 ? [{ name: `Create, ${P256_FRESH_KEYS}`, load: p256 }] : []),
    ]),
    verdicts: [
      ...shapes.map((shape) => {
        const [target, aim] = TARGETS[shape]
        return atLeast(`Create, ${shape}: of the echo`, ofEcho(shape), target, { aim })
      }),
      ...shapes.flatMap((shape) => prototypeVerdict(medians, shape)),
      ...(p256 ? [p256Verdict(p256, medians[FRESH_KEYS])] : []),
    ],
    figures: { medians, rounds },
  }
}

/** `ratiosAlone` omits what is not compared with an echo. */
async function measure({ seconds, rounds, ratiosAlone }, report, dataDir, start) {
  const shapes = [...Object.keys(TARGETS), ...(ratiosAlone ? [] : [P256_FRESH_KEYS])]
  const { create, echo } = await createBesideEcho(start, dataDir, shapes)
  const prototype = ratiosAlone ? null : await start(PROTOTYPE, [`${dataDir}/prototype`])
  const job = { seconds }
  const loads = shapes.flatMap((shape) => [
    ...(shape === P256_FRESH_KEYS ? [] : [[`echo: ${shape}`, () => echo(shape, job)]]),
    ...(shape === P256_FRESH_KEYS || prototype === null
      ? []
      : [[`prototype: ${shape}`, () => loadCreate(prototype, shape, job)]]),
    [shape, () => create(shape, job)],
  ])
  return inTurn(Object.fromEntries(loads), rounds, report)
}

function prototypeRow(medians, shape) {
  const load = medians[`prototype: ${shape}`]
  const ofEcho = () => ofReference(load, medians[`echo: ${shape}`])
  return load === undefined
    ? []
    : [{ name: '  prototype of the bare path', load, ofReference: ofEcho() }]
}

function prototypeVerdict(medians, shape) {
  const load = medians[`prototype: ${shape}`]
  const what = `Create, ${shape}: of the prototype`
  return load === undefined
    ? []
    : [atLeast(what, ofReference(medians[shape], load), PROTOTYPE_TARGET)]
}

function p256Verdict(p256, ed25519) {
  const [target, aim] = P256_TARGET
  const ratio = ofReference(p256, ed25519)
  return atLeast(`Create, ${P256_FRESH_KEYS}: of Ed25519`, ratio, target, { aim })
}
