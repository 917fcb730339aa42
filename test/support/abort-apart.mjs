// Ends the process that works on a store as a failed assertion of LevelDB's does.
if (process.argv[1]?.endsWith('apart-main.js')) {
  process.abort()
}
