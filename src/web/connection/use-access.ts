import { useEffect, useState } from 'preact/hooks'
import { type Access, fetchAccess } from './server-facts.js'

/** What the server says of itself, asked again with each connection. undefined: not known yet; null: no answer. */
export function useAccess(isOpen: boolean): Access | null | undefined {
  const [access, setAccess] = useState<Access | null | undefined>(undefined)
  useEffect(() => {
    if (isOpen || access === undefined) {
      fetchAccess().then((answer) => setAccess((was) => answer ?? was ?? null))
    }
  }, [isOpen])
  return access
}
