import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { ReplyDetails, type SessionDetails } from '#generated/sessiond/v1/sessions'
import type { Session } from '../../core/session.js'
import type { Codec } from '../pipeline/contracts.js'

/** A reply of `sessions_v1` with what that contract has no fields for; undefined unless the caller asked for it. */
export type Detailed<Reply> = Reply & { readonly details?: SessionDetails[] | undefined }

export interface ReplyCodec<Reply> {
  encode(reply: Reply, writer?: BinaryWriter): BinaryWriter
  decode(bytes: Uint8Array): Reply
}

/** Encodes the details behind the reply, which stays a message of `sessions_v1`. */
export function withDetails<Reply>(codec: ReplyCodec<Reply>): Codec<Detailed<Reply>> {
  return {
    decode: (bytes) => ({ ...codec.decode(bytes), details: undefined }),
    encode(reply) {
      const writer = codec.encode(reply, new BinaryWriter())
      return reply.details ? ReplyDetails.encode({ details: reply.details }, writer) : writer
    },
  }
}

/** `expiresAtMs`: null if it never ends by itself. */
export function detailsOf(session: Session, expiresAtMs: number | null): SessionDetails {
  const { token, ending } = session
  return {
    isToken: token !== null,
    expireTimeMs: BigInt(expiresAtMs ?? 0),
    ending: ending === null ? undefined : { reason: ending.reason, by: ending.by ?? '' },
  }
}
