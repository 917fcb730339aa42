/** Types of frames (RFC 9113 section 6). */
export const Frame = {
  ...{ DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 },
}
/** Their flags: END_STREAM of DATA and HEADERS, END_HEADERS of HEADERS, ACK of SETTINGS and PING. */
export const END_STREAM = 1
export const END_HEADERS = 4
export const ACK = 1
/** What a client says first. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** The preface and the client's settings, none of which is set. */
export const HELLO = Buffer.concat([PREFACE, frame(Frame.SETTINGS, 0, 0)])

export function frame(type, flags, streamId, payload = Buffer.alloc(0)) {
  const header = Buffer.alloc(9)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

/** The headers of a gRPC call, as literals without indexing (RFC 7541 section 6.2.2). */
export function callHeaders(path) {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': 'localhost',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  }
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]),
  )
}

/** A string literal of HPACK without Huffman coding (RFC 7541 sections 5.1 and 5.2). */
export function text(value) {
  const bytes = Buffer.from(value, 'latin1')
  const length = []
  let rest = bytes.length
  if (rest < 127) {
    length.push(rest)
  } else {
    length.push(127)
    for (rest -= 127; rest >= 128; rest >>= 7) {
      length.push((rest & 127) | 128)
    }
    length.push(rest)
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

/** A gRPC message: not compressed, 4 bytes of length. */
export function grpcMessage(bytes) {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}
