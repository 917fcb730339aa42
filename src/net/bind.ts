import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect, type ListenOptions, type Server } from 'node:net'

/** Resolves when the server listens. */
export function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Binds a server to a Unix socket that only those may connect to whom the mode lets write. */
export async function bindUnixSocket(server: Server, path: string, mode: number): Promise<void> {
  await removeStale(path)
  // The socket is made within the call. From then on until its mode is set nobody else may connect.
  const umask = process.umask(0o177)
  let bound: Promise<void>
  try {
    bound = bind(server, { path })
  } finally {
    process.umask(umask)
  }
  await bound
  await chmod(path, mode)
}

/** Removes a socket that a server has left behind; what is in use, or is no socket, stays, and throws. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return null
    }
    throw error
  })
  if (found === null) {
    return
  }
  if (!found.isSocket()) {
    throw new Error('what is there is no socket')
  }
  const failure = await failureToConnect(path)
  if (failure === null) {
    throw Object.assign(new Error('another process listens there'), { code: 'EADDRINUSE' })
  }
  if (failure.code !== 'ECONNREFUSED') {
    throw failure
  }
  await unlink(path)
}

/** null: somebody listens. */
function failureToConnect(path: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy()
      resolve(null)
    })
    socket.on('error', resolve)
  })
}
