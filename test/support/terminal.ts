import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { CLI } from './process.js'
import { haveTool } from './tools.js'

/** Whether commands can be run on a terminal here. */
export const haveTerminal = () => haveTool('script', ['script', '--version'])

/** Runs `sessiond …` on a terminal of its own, and types `input` once it shows `question`. */
export async function onTerminal(
  args: readonly string[],
  question: string,
  input: string,
): Promise<{ readonly shown: string; readonly code: number | null }> {
  const command = [process.execPath, CLI, ...args].join(' ')
  // `--return`: with the exit code of the command.
  const options = ['--quiet', '--return', '--command', command, '/dev/null']
  const terminal = spawn('script', options, { stdio: ['pipe', 'pipe', 'inherit'] })
  let shown = ''
  let isAsked = false
  terminal.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text
    if (!isAsked && shown.includes(question)) {
      isAsked = true
      terminal.stdin.write(input)
    }
  })
  const [code] = await once(terminal, 'close')
  return { shown, code }
}
