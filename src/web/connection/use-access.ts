import { useEffect, useState } from 'preact/hooks'
import { type Access, fetchAccess } from './server-facts.js'

/** What the server says of itself, asked again with each connection. null: not known yet. */
export function useAccess(isOpen: boolean): Access | null {
  const [access, setAccess] = useState<Access | null>(null)
  useEffect(() => {
    if (isOpen || access === null) {
      fetchAccess().then((answer) => setAccess((was) => answer ?? was))
    }
  }, [isOpen])
  return access
}
