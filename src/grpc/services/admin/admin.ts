import { rawDefinition } from '../../pipeline/contracts.js'
import type { GrpcService } from '../../transport/server.js'
import { type AdminBackupPorts, backupMethods } from './backup.js'
import { type AdminCheckPorts, checkMethods } from './check.js'
import { type AdminKeysPorts, keysMethods } from './keys.js'
import type { AdminCall, AdminMethodPorts } from './method.js'
import { type AdminStatusPorts, statusMethods } from './status.js'
import { type AdminUsersPorts, usersMethods } from './users.js'

export type AdminPorts = Omit<AdminMethodPorts, 'streams'> &
  AdminStatusPorts &
  AdminBackupPorts &
  AdminCheckPorts &
  AdminKeysPorts &
  AdminUsersPorts

/** `sessiond.v1.Admin`: what operators ask of a running server. One file a group of methods. */
export function adminService(servicePorts: AdminPorts): GrpcService {
  const ports = { ...servicePorts, streams: new Set<AdminCall>() }
  return {
    definition: rawDefinition('sessiond.v1.Admin'),
    implementation: {
      ...statusMethods(ports),
      ...backupMethods(ports),
      ...checkMethods(ports),
      ...keysMethods(ports),
      ...usersMethods(ports),
    },
  }
}
