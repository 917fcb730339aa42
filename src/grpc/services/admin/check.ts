import { CheckRequest, CheckResponse } from '#generated/sessiond/v1/admin'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import { type Methods, stream } from '../../pipeline/method.js'

export interface AdminCheckPorts {
  /** Checks the store as it is now. */
  readonly check: (signal: AbortSignal) => AsyncIterable<CheckEvent>
}

/** Compares what is stored with itself. */
export function checkMethods({ check }: AdminCheckPorts): Methods {
  return {
    Check: stream({
      request: CheckRequest,
      response: CheckResponse,
      async *handle(_, { signal }) {
        for await (const event of check(signal)) {
          // A server's own store has no unchecked rows: it adds their checksums when it opens an older store.
          if ('unchecked' in event) {
            continue
          }
          yield 'problem' in event
            ? { problem: event.problem, progress: undefined }
            : {
                problem: undefined,
                progress: {
                  checkedRows: BigInt(event.checkedRows),
                  totalRows: BigInt(event.totalRows),
                },
              }
        }
      },
    }),
  }
}
