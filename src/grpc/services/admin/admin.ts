import type { Audit } from '../../../core/operators/audit.js'
import type { GrpcService } from '../../pipeline/contracts.js'
import { grpcService, type PipelinePorts } from '../../pipeline/pipeline.js'
import { type AdminBackupPorts, backupMethods } from './backup.js'
import { type AdminCheckPorts, checkMethods } from './check.js'
import { type AdminKeysPorts, keysMethods } from './keys.js'
import { type AdminStatusPorts, statusMethods } from './status.js'
import { type AdminUsersPorts, usersMethods } from './users.js'

/** Each reads much of what is stored. */
const MAX_STREAMS = { count: 4, work: 'backups, checks, exports and reseals' }

export type AdminPorts = AdminStatusPorts &
  AdminBackupPorts &
  AdminCheckPorts &
  AdminKeysPorts &
  AdminUsersPorts

/** `sessiond.v1.Admin`: what operators ask of a running server. One file a group of methods. */
export function adminService(
  ports: AdminPorts,
  pipeline: PipelinePorts & { readonly audit: Audit },
): GrpcService {
  const methods = {
    ...statusMethods(ports),
    ...backupMethods(ports),
    ...checkMethods(ports),
    ...keysMethods(ports),
    ...usersMethods(ports),
  }
  return grpcService('sessiond.v1.Admin', methods, { ...pipeline, maxStreams: MAX_STREAMS })
}
