import { type AdminBackupPorts, backupMethods } from './admin-backup.js'
import { type AdminCheckPorts, checkMethods } from './admin-check.js'
import { type AdminKeysPorts, keysMethods } from './admin-keys.js'
import type { AdminCall, AdminMethodPorts } from './admin-method.js'
import { type AdminStatusPorts, statusMethods } from './admin-status.js'
import { type AdminUsersPorts, usersMethods } from './admin-users.js'
import { rawDefinition } from './contracts.js'
import type { GrpcService } from './server.js'

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
