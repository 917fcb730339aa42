import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { CLI } from './process.js'
import { haveTool } from './tools.js'

/** Whether commands can be run on a terminal here. */
export const haveTerminal = () => haveTool('script', ['script', '--version'])

/** Runs `sessiond …` on a terminal of its own, and types `input` once as soon as it shows `question`. */
export async function onTerminal(
  args: readonly string[],
  question: string | RegExp,
  input: string,
): Promise<{ readonly shown: string; readonly code: number | null }> {
  // Without `exec`, some shells stay between and end by the Control-C themselves.
  const command = ['exec', process.execPath, CLI, ...args].join(' ')
  // `--return`: with the exit code of the command.
  const options = ['--quiet', '--return', '--command', command, '/dev/null']
  const terminal = spawn('script', options, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void terminal.kill('SIGKILL'))
  let shown = ''
  let isAsked = false
  terminal.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text
    if (
      !isAsked &&
      (typeof question === 'string' ? shown.includes(question) : question.test(shown))
    ) {
      isAsked = true
      terminal.stdin.write(input)
    }
  })
  const [code] = await once(terminal, 'close')
  return { shown, code }
}
