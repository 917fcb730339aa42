import { BackupRequest, BackupResponse } from '#generated/sessiond/v1/admin'
import { type Methods, stream } from '../../pipeline/method.js'

export interface AdminBackupPorts {
  /** A backup file of the store as it is now, in chunks. */
  readonly backup: () => AsyncIterable<Uint8Array>
}

/** Copies all that is stored. */
export function backupMethods({ backup }: AdminBackupPorts): Methods {
  return {
    Backup: stream({
      request: BackupRequest,
      response: BackupResponse,
      audit: 'backup',
      async *handle(_, call) {
        let bytes = 0
        // A part of a backup is a copy too.
        call.note({ bytes, isWhole: false })
        for await (const chunk of backup()) {
          yield { chunk }
          bytes += chunk.length
          call.note({ bytes })
        }
        call.note({ isWhole: true })
      },
    }),
  }
}
