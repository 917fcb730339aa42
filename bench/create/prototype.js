import { createHash } from 'node:crypto'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import sodium from 'sodium-native'
import { openBare } from '../lib/level.js'
import { printReady } from '../lib/ready.js'
import { groupCommit } from './group-commit.js'

/*
 * The bare path of a Create, as a limit: `node prototype.js DIRECTORY`. It reads requests of the bench's shapes, verifies
 * them, makes, seals and signs as a server does, in a worker thread and here, writes as many rows and bytes in synced
 * batches, and answers as many bytes. Nothing else: it checks no field, takes no lock, looks nothing up, counts nothing.
 */

const [KEY, SIGN, ID, SEED, NONCE, TAG] = [32, 64, 16, 32, 24, 16]
const SEAL = NONCE + SEED + TAG
/** Verified?, id, public key, signatures of body and meta header, seal. */
const OUTCOME = 1 + ID + KEY + 2 * SIGN + SEAL
const BATCH = 16
/** With more waiting, this thread takes part. */
const MOST_WAITING = 24
const NOTHING = Buffer.alloc(0)
const KEY_ONLY = Buffer.from('000000000000', 'hex')
const TIME = Buffer.alloc(8, 1)
/** What else a record holds: times, address and client. */
const REST_OF_RECORD = Buffer.alloc(110, 7)
const CHECKSUM = Buffer.alloc(5, 9)

const serverKey = Buffer.alloc(KEY)
const serverSecret = Buffer.alloc(SIGN)
sodium.crypto_sign_seed_keypair(serverKey, serverSecret, Buffer.alloc(SEED, 1))
const sealingKey = Buffer.alloc(KEY, 2)

if (isMainThread) {
  await serve(process.argv[2])
} else {
  parentPort.on('message', (batch) => {
    const outcomes = Buffer.concat(jobsIn(Buffer.from(batch)).map(runJob))
    parentPort.postMessage(outcomes)
  })
}

/** A job: `checks`, each of key, signature and content; what the seal is bound to; the answer's meta header, or null. */
function runJob({ checks, binding, meta }) {
  const outcome = Buffer.allocUnsafeSlow(OUTCOME)
  const isGood = checks.every(([key, sign, content]) =>
    sodium.crypto_sign_verify_detached(sign, content, key),
  )
  let pos = 1
  const next = (length) => {
    pos += length
    return outcome.subarray(pos - length, pos)
  }
  const random = Buffer.allocUnsafe(ID + SEED + NONCE)
  sodium.randombytes_buf(random)
  const [id, publicKey] = [next(ID), next(KEY)]
  const seed = random.subarray(ID, ID + SEED)
  const nonce = random.subarray(ID + SEED)
  outcome[0] = isGood ? 1 : 0
  id.set(random.subarray(0, ID))
  sodium.crypto_sign_seed_keypair(publicKey, Buffer.allocUnsafe(SIGN), seed)
  sodium.crypto_sign_detached(next(SIGN), bodyOf(id, publicKey), serverSecret)
  const metaSign = next(SIGN)
  if (meta !== null) {
    sodium.crypto_sign_detached(metaSign, meta, serverSecret)
  }
  next(NONCE).set(nonce)
  const sealed = next(SEED + TAG)
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, seed, binding, null, nonce, sealingKey)
  return outcome
}

async function serve(directory) {
  const level = openBare(directory)
  await level.open()
  const write = groupCommit(level)
  const run = startCrypto()
  const known = new Set()
  const plainMeta = metaOf(NOTHING)
  const plainSign = Buffer.alloc(SIGN)
  sodium.crypto_sign_detached(plainSign, plainMeta, serverSecret)

  async function create(bytes) {
    const [, body, meta, verify] = fieldsOf(bytes)
    const [, ownerId, lifetime] = fieldsOf(body)
    const [, owner] = fieldsOf(ownerId)
    const idempotencyKey = fieldsOf(meta)[4]
    const isConstant = idempotencyKey === undefined
    const checks = []
    const remembered = []
    for (const [i, content] of [body, meta, NOTHING].entries()) {
      const [, key, sign] = fieldsOf(fieldsOf(verify)[i + 1])
      const recurs = i === 2 || (i === 1 && isConstant)
      const entry = recurs ? `${key.latin1Slice()}${sign.latin1Slice()}` : ''
      if (!recurs || !known.has(entry)) {
        checks.push([key, sign, content])
        remembered.push(entry)
      }
    }
    const answerMeta = isConstant ? plainMeta : metaOf(digestOf(body, meta))
    const outcome = await run({ checks, binding: body, meta: isConstant ? null : answerMeta })
    if (outcome[0] !== 1) {
      throw new Error('a signature does not verify')
    }
    for (const entry of remembered) {
      known.add(entry)
    }
    const id = outcome.subarray(1, 1 + ID)
    const publicKey = outcome.subarray(1 + ID, 1 + ID + KEY)
    const signs = outcome.subarray(1 + ID + KEY)
    await write(rowsOf({ id, owner, publicKey, lifetime, outcome, idempotencyKey }))
    const metaSign = isConstant ? plainSign : signs.subarray(SIGN, 2 * SIGN)
    return answerOf(bodyOf(id, publicKey), answerMeta, signs.subarray(0, SIGN), metaSign)
  }

  const raw = (bytes) => bytes
  const server = new Server({ 'grpc.enable_channelz': 0 })
  const method = {
    ...{ path: '/session.Session/Create', requestStream: false, responseStream: false },
    ...{ requestSerialize: raw, requestDeserialize: raw },
    ...{ responseSerialize: raw, responseDeserialize: raw },
  }
  server.addService(
    { Create: method },
    {
      Create: ({ request }, callback) =>
        create(request).then((answer) => callback(null, answer), callback),
    },
  )
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) {
      throw error
    }
    printReady('grpc', { port })
  })
}

/** Runs jobs in a worker thread, a batch at a time, and here where too many wait. */
function startCrypto() {
  const worker = new Worker(new URL(import.meta.url))
  const queue = []
  let batch = null
  let isDue = false
  const handOut = () => {
    if (batch === null && queue.length > 0) {
      batch = queue.splice(0, BATCH)
      const bytes = bytesOf(batch.map(({ job }) => job))
      worker.postMessage(bytes, [bytes])
    }
  }
  const turn = () => {
    isDue = false
    handOut()
    while (queue.length > MOST_WAITING) {
      const { job, resolve } = queue.shift()
      resolve(runJob(job))
    }
  }
  worker.on('message', (message) => {
    const outcomes = Buffer.from(message.buffer, message.byteOffset, message.length)
    const done = batch
    batch = null
    handOut()
    for (const [i, { resolve }] of done.entries()) {
      resolve(outcomes.subarray(i * OUTCOME, (i + 1) * OUTCOME))
    }
  })
  return (job) =>
    new Promise((resolve) => {
      queue.push({ job, resolve })
      if (!isDue) {
        isDue = true
        setImmediate(turn)
      }
    })
}

/** Jobs as bytes, to be transferred: each has the number of its parts, and before each part its length. */
function bytesOf(jobs) {
  const all = jobs.map(({ checks, binding, meta }) => [...checks.flat(), binding, meta ?? NOTHING])
  const lengths = all.flat().map((part) => 2 + part.length)
  const bytes = Buffer.from(
    new ArrayBuffer(lengths.reduce((sum, length) => sum + length, all.length)),
  )
  let pos = 0
  for (const parts of all) {
    bytes[pos++] = parts.length
    for (const part of parts) {
      pos = bytes.writeUInt16LE(part.length, pos)
      bytes.set(part, pos)
      pos += part.length
    }
  }
  return bytes.buffer
}

function jobsIn(bytes) {
  const jobs = []
  for (let pos = 0; pos < bytes.length; ) {
    const parts = Array.from({ length: bytes[pos++] }, () => {
      const start = pos + 2
      pos = start + bytes.readUInt16LE(pos)
      return bytes.subarray(start, pos)
    })
    const meta = parts.pop()
    const binding = parts.pop()
    const checks = []
    while (parts.length > 0) {
      checks.push(parts.splice(0, 3))
    }
    jobs.push({ checks, binding, meta: meta.length === 0 ? null : meta })
  }
  return jobs
}

/** As many rows and bytes as `bench/level` counts, with keys that are spread alike. */
function rowsOf({ id, owner, publicKey, lifetime, outcome, idempotencyKey }) {
  const name = Buffer.from(`${id.hexSlice()}-4-4`, 'latin1')
  const user = Buffer.from(owner.base64Slice(), 'latin1')
  const key = (letter, ...parts) => Buffer.concat([Buffer.from(letter), ...parts])
  const seal = outcome.subarray(OUTCOME - SEAL)
  const record = [name, user, owner, publicKey, lifetime, REST_OF_RECORD.subarray(lifetime.length)]
  const rows = [
    [key('s', name), Buffer.concat([...record, CHECKSUM])],
    [key('k', name), Buffer.concat([seal, CHECKSUM])],
    [key('t', TIME, name), KEY_ONLY],
    [key('u', user, TIME, name), KEY_ONLY],
    [key('x', lifetime.subarray(0, 8), name), KEY_ONLY],
  ]
  if (idempotencyKey !== undefined) {
    const entry = [id, owner, idempotencyKey.subarray(0, ID), CHECKSUM]
    rows.push([key('i', owner, idempotencyKey.subarray(-ID)), Buffer.concat(entry)])
  }
  return rows
}

function digestOf(body, meta) {
  return createHash('sha256').update(body).update(meta).digest()
}

/** The parts of a message by their numbers, which are below 16; of numbers, nothing. */
function fieldsOf(bytes) {
  const fields = []
  for (let pos = 0; pos < bytes.length; ) {
    const tag = bytes[pos++]
    let length = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[pos++]
      length += (byte & 0x7f) * scale
      if (byte < 0x80) {
        break
      }
    }
    if ((tag & 7) === 2) {
      fields[tag >> 3] = bytes.subarray(pos, pos + length)
      pos += length
    }
  }
  return fields
}

function field(number, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const head = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7]
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...head]), ...parts])
}

function bodyOf(id, publicKey) {
  return Buffer.concat([Buffer.of(0x0a, ID), id, Buffer.of(0x12, KEY), publicKey])
}

/** `digest`: of the request, where it has an idempotency key. */
function metaOf(digest) {
  const version = Buffer.from('0a0208021080b0b3ce0618', 'hex')
  const header = [field(1, Buffer.from('request')), field(2, Buffer.from(digest.hexSlice()))]
  return Buffer.concat([version, Buffer.of(1), ...(digest.length > 0 ? [field(4, ...header)] : [])])
}

function answerOf(body, meta, bodySign, metaSign) {
  const signature = (number, sign) => field(number, field(1, serverKey), field(2, sign))
  const verify = [signature(1, bodySign), signature(2, metaSign), signature(3, metaSign)]
  return Buffer.concat([field(1, body), field(2, meta), field(3, ...verify)])
}
