/*
 * Frames of HTTP/2 (RFC 9113) and headers of HPACK (RFC 7541) as bytes, for clients that send what no library would.
 */

/** Types of frames (RFC 9113 section 6). */
export const Frame = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
}
/** Flags: END_STREAM of DATA and HEADERS, END_HEADERS of HEADERS, ACK of SETTINGS and PING. */
export const Flag = { END_STREAM: 1, END_HEADERS: 4, ACK: 1 }
export const FRAME_HEADER_BYTES = 9
/** What a client says first. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/**
 * @param {number} type
 * @param {Buffer} [payload]
 * @returns {Buffer}
 */
export function frame(type, flags = 0, streamId = 0, payload = Buffer.alloc(0)) {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  writeFrameHeader(header, 0, { length: payload.length, type, flags, streamId })
  return Buffer.concat([header, payload])
}

/**
 * Writes the header of a frame with so many bytes of payload.
 *
 * @param {Buffer} into
 * @param {number} at
 * @param {{ length: number, type: number, flags: number, streamId: number }} head
 */
export function writeFrameHeader(into, at, { length, type, flags, streamId }) {
  into.writeUIntBE(length, at, 3)
  into[at + 3] = type
  into[at + 4] = flags
  into.writeUInt32BE(streamId, at + 5)
}

/** The preface and the client's settings, none of which is set. */
export const HELLO = Buffer.concat([PREFACE, frame(Frame.SETTINGS)])
export const PING = frame(Frame.PING, 0, 0, Buffer.alloc(8))

/**
 * A string literal without Huffman coding (RFC 7541 sections 5.1 and 5.2).
 *
 * @param {string} value
 */
export function text(value) {
  const bytes = Buffer.from(value, 'latin1')
  const length = []
  let rest = bytes.length - 127
  for (; rest >= 128; rest >>= 7) {
    length.push((rest & 127) | 128)
  }
  const head = bytes.length < 127 ? [bytes.length] : [127, ...length, rest]
  return Buffer.concat([Buffer.from(head), bytes])
}

/**
 * A header as a literal: without indexing (RFC 7541 section 6.2.2), or put into the table (6.2.1).
 *
 * @param {string} name
 * @param {string} value
 */
export function literalHeader(name, value, isIndexed = false) {
  return Buffer.concat([Buffer.of(isIndexed ? 0x40 : 0), text(name), text(value)])
}

/** The entry that was put into the table last (RFC 7541 section 6.1). */
export const LAST_INDEXED = Buffer.of(0x80 | 62)

/**
 * The headers of a gRPC call.
 *
 * @param {string} path
 * @param {...Buffer} more
 */
export function callHeaders(path, ...more) {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  }
  const literals = Object.entries(fields).map(([name, value]) => literalHeader(name, value))
  return Buffer.concat([...literals, ...more])
}

/**
 * A gRPC message: not compressed, 4 bytes of length.
 *
 * @param {Uint8Array} bytes
 */
export function grpcMessage(bytes) {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

/**
 * A call with an empty message, whose request is complete.
 *
 * @param {number} streamId
 * @param {Buffer} headers
 */
export function emptyCall(streamId, headers) {
  return Buffer.concat([
    frame(Frame.HEADERS, Flag.END_HEADERS, streamId, headers),
    frame(Frame.DATA, Flag.END_STREAM, streamId, grpcMessage(Buffer.alloc(0))),
  ])
}
