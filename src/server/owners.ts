import { anySigner, listedOwners, type OwnerPolicy, selfCertifying } from '../core/create/owner.js'
import { watchOwnersFile } from '../credentials/owners-file.js'
import { n3Account, n3AccountFault } from '../crypto/n3.js'
import type { Lifecycle } from '../net/lifecycle.js'
import type { Logger } from '../observability/log.js'

/** Who may open sessions for an owner, as `--owners` says. Throws InputFileError. */
export function openOwners(rule: string, log: Logger, lifecycle: Lifecycle): OwnerPolicy {
  switch (rule) {
    case 'self-certifying':
      return selfCertifying({ of: n3Account, fault: n3AccountFault })
    case 'any-signer':
      log.warn(
        { event: 'any-signer' },
        'whoever signs may open a session for any owner: use this on closed networks only',
      )
      return anySigner
    default: {
      const file = watchOwnersFile(rule, (outcome) => {
        if ('error' in outcome) {
          const reason = (outcome.error as Error).message
          log.error({ event: 'owners-not-read', reason }, 'the earlier owners stay')
        } else {
          const owners = outcome.value.size
          log.info({ event: 'owners-read', owners }, 'the owners file was read anew')
        }
      })
      lifecycle.add(() => file.close())
      return listedOwners(() => file.current())
    }
  }
}
