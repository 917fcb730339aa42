import { fstatSync, statSync } from 'node:fs'

export const STDIN = 0
export const STDOUT = 1
export const STDERR = 2

/** Whether a path, such as `/dev/stdout`, is the file that this process has open under a descriptor. */
export function isDescriptor(file: string, descriptor: number): boolean {
  try {
    const [named, open] = [statSync(file), fstatSync(descriptor)]
    return named.dev === open.dev && named.ino === open.ino && named.rdev === open.rdev
  } catch {
    return false // One of them is not there.
  }
}
