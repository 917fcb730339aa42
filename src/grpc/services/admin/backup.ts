import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { BackupRequest, BackupResponse } from '#generated/sessiond/v1/admin'
import { type AdminMethodPorts, streamMethod } from './method.js'

export interface AdminBackupPorts {
  /** A backup file of the store as it is now, in chunks. */
  readonly backup: () => AsyncIterable<Uint8Array>
}

/** Copies all that is stored. */
export function backupMethods(
  ports: AdminMethodPorts & AdminBackupPorts,
): UntypedServiceImplementation {
  const { audit, caller, backup } = ports
  return {
    Backup: streamMethod(
      BackupRequest,
      BackupResponse,
      async function* (_, call) {
        await audit.check()
        let bytes = 0
        let isWhole = false
        try {
          for await (const chunk of backup()) {
            yield { chunk }
            bytes += chunk.length
          }
          isWhole = true
        } finally {
          // A part of a backup is a copy too.
          await audit.record({
            action: 'backup',
            caller: caller(call),
            facts: { bytes, isWhole },
          })
        }
      },
      ports,
    ),
  }
}
