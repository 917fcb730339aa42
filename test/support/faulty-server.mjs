// The built command line, with errors that nobody catches: SIGUSR2 throws, SIGHUP rejects.
process.on('SIGUSR2', () => {
  throw new Error('planted')
})
process.on('SIGHUP', () => {
  void Promise.reject(new Error('planted'))
})
await import('../../dist/cli/main.js')
