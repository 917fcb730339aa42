const PREFIX = Buffer.from('sessiond next identity v1')

/**
 * What a server signs with its identity to say which key, 32 bytes, will follow it. No message of the
 * protocol begins like this: as protobuf it would open a group.
 */
export function nextIdentityStatement(nextIdentity: Uint8Array): Buffer {
  return Buffer.concat([PREFIX, nextIdentity])
}
