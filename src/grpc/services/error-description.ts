import type { ErrorDescription } from '#generated/sessions_v1/sessions'
import { descriptionOf } from '../../commandable/description.js'

/** How a reply describes an error. Rethrows errors that are failures of the server. */
export function describe(error: unknown, correlationId: string): ErrorDescription {
  const description = descriptionOf(error)
  if (description === null) {
    throw error
  }
  const { category, code, status, message, details } = description
  return {
    type: (error as Error).name,
    ...{ category, code, correlationId, status: `${status}`, message, cause: '', stackTrace: '' },
    details: new Map(Object.entries(details)),
  }
}
