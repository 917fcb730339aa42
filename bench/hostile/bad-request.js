import { readCreateRequest } from '../../dist/envelope/create.js'
import { grpcMessage } from '../../test/support/http2-frames.mjs'
import { shapes } from '../create/requests.js'

/** About as many as fit into the 64 KiB of a Create. */
const RECORDS = 32_000
const LENGTH_DELIMITED = 2

/** A Create that is well formed, with a byte of its last signature changed, as a gRPC message. */
export function wrongSignature() {
  const request = Buffer.from(shapes['a new owner each']().next().value)
  request[request.length - 5] ^= 1
  return grpcMessage(request)
}

/**
 * A Create that is whole, whose bearer token has 32,000 empty records that its signature does not cover, as a
 * gRPC message.
 */
export function unsignedRecords() {
  const { body, outermost } = readCreateRequest(shapes['a new owner each']().next().value).message
  const records = Buffer.concat(Array(RECORDS).fill(field(2, Buffer.alloc(0))))
  const bearer = field(6, field(1, field(1, records)))
  const meta = Buffer.concat([outermost.meta, bearer])
  return grpcMessage(Buffer.concat([field(1, body), field(2, meta), field(3, outermost.verify)]))
}

/** A field of protobuf whose value has a length. */
function field(number, value) {
  return Buffer.concat([Buffer.of((number << 3) | LENGTH_DELIMITED), varint(value.length), value])
}

function varint(value) {
  const bytes = []
  for (; value >= 128; value >>>= 7) {
    bytes.push((value & 127) | 128)
  }
  return Buffer.from([...bytes, value])
}
