import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { CheckRequest, CheckResponse } from '#generated/sessiond/v1/admin'
import type { CheckEvent } from '../../../core/upkeep/care.js'
import { type AdminMethodPorts, streamMethod } from './method.js'

export interface AdminCheckPorts {
  /** Checks the store as it is now. */
  readonly check: () => AsyncIterable<CheckEvent>
}

/** Holds what is stored against itself. */
export function checkMethods(
  ports: AdminMethodPorts & AdminCheckPorts,
): UntypedServiceImplementation {
  return {
    Check: streamMethod(
      CheckRequest,
      CheckResponse,
      async function* () {
        for await (const event of ports.check()) {
          // A server's own store has none: it adds them when it opens an older one.
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
      ports,
    ),
  }
}
