import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect, type ListenOptions, type Server } from 'node:net'

/** Resolves when the server listens, and rejects when it cannot. */
export function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Binds a server to a Unix socket. `mode` says who may connect: those who may write. */
export async function bindUnixSocket(server: Server, path: string, mode: number): Promise<void> {
  await removeStale(path)
  // `listen` creates the socket before it returns. Nobody else may connect until its mode is set.
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

/** Removes a socket that a server left behind. Throws where it is in use, or is not a socket. */
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
    throw new Error('the file there is not a socket')
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

/** Why no server answers at the socket; null: one does. */
function failureToConnect(path: string): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy()
      resolve(null)
    })
    socket.on('error', resolve)
  })
}
