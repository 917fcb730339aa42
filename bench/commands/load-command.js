import { runJob } from '../lib/processes.js'

export const COMMANDS = [
  ...['open_session', 'get_session_by_id', 'get_sessions', 'store_session_data'],
]
/** As tables show them. */
export const NAMES = { get_sessions: 'get_sessions, a page of 100' }

const LOAD = `${import.meta.dirname}/load.js`

/** Over Seneca's TCP wire. */
export function loadSeneca({ pid, ports }, job) {
  return runJob(LOAD, { pid, ports, ...job })
}

export function loadGrpc({ pid, ports }, job) {
  return runJob(LOAD, { pid, ports, path: `/sessions_v1.Sessions/${job.command}`, ...job })
}
