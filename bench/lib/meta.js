import { RequestMetaHeader } from '../../dist/generated/service/meta.js'

/**
 * The meta header of a request, encoded.
 * @param {{ epoch?: bigint, ttl?: number, xHeaders?: { key: string, value: string }[] }} [parts]
 */
export function encodeMeta({ epoch = 0n, ttl = 2, xHeaders = [] } = {}) {
  return RequestMetaHeader.encode({
    version: { major: 2, minor: 0 },
    ...{ epoch, ttl, xHeaders },
    ...{ token: undefined, bearer: undefined, origin: undefined },
  }).finish()
}
