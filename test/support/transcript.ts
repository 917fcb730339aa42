import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { freeAddress } from './free-port.mjs'
import { ENVIRONMENT } from './process.js'

const ROOT = new URL('../../', import.meta.url)

/** A command that a document types, and what it shows below. */
export interface Step {
  readonly command: string
  readonly shown: string
}

/** The transcripts of a document: what its `console` blocks type, in lines that begin with `$ `. */
export async function transcriptsOf(page: string): Promise<readonly (readonly Step[])[]> {
  const text = await readFile(fileURLToPath(new URL(page, ROOT)), 'utf8')
  return [...text.matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, transcript = '']) =>
    transcript
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...lines] = step.split('\n')
        return { command, shown: lines.join('\n').trim() }
      }),
  )
}

/** Other addresses for those of a document: a test is not alone on its machine. */
export async function otherAddresses<Name extends string>(documented: Record<Name, string>) {
  const others = {} as Record<Name, string>
  for (const name of Object.keys(documented) as Name[]) {
    others[name] = await freeAddress()
  }
  const names = Object.keys(documented) as Name[]
  return {
    others,
    put: (text: string) =>
      names.reduce((all, name) => all.replaceAll(documented[name], others[name]), text),
    back: (text: string) =>
      names.reduce((all, name) => all.replaceAll(others[name], documented[name]), text),
  }
}

/** What differs from one run to the next has a name instead. */
const named = (text: string) =>
  text
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'KEY')
    .replaceAll(/\b[1-9A-HJ-NP-Za-km-z]{43,44}\b/g, 'OWNER')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b\d{10}\b/g, 'EPOCH')
    .replaceAll(/^sessiond \d+\.\d+\.\d+\S*/gm, 'sessiond VERSION')

/** Whether an output is what the document shows, in which `…` stands for anything. */
export function expectShown(output: string, { command, shown }: Step): void {
  const parts = named(shown)
    .split('…')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  expect(named(output).trim(), command).toMatch(new RegExp(`^${parts.join('[\\s\\S]*')}$`))
}

/** A shell that types what a document says. It ends with the test, and with it all that it started. */
export class Terminal {
  private readonly shell
  private shown = ''
  private wake = () => {}

  constructor(
    cwd: string,
    env: Readonly<Record<string, string>>,
    private readonly addresses: Awaited<ReturnType<typeof otherAddresses>>,
  ) {
    const options = { cwd, env: { ...ENVIRONMENT, ...env }, detached: true }
    this.shell = spawn('bash', ['--norc', '--noprofile'], options)
    const closed = once(this.shell, 'close')
    onTestFinished(async () => {
      process.kill(-(this.shell.pid as number), 'SIGTERM')
      await closed
    })
    for (const stream of [this.shell.stdout, this.shell.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.shown += text
        this.wake()
      })
    }
    closed.then(() => this.wake())
    this.shell.stdin.write('shopt -s expand_aliases\nexec 2>&1\n')
  }

  /** Types a command, waits for its end, and compares what it printed. It fails exactly where the document shows an error. */
  async run(step: Step): Promise<void> {
    this.type(`${step.command}\necho "<ended with $?>"`)
    const [, output = '', code] = await this.until(/([\s\S]*)<ended with (\d+)>/)
    expectShown(output, step)
    expect([step.command, code !== '0']).toEqual([step.command, /^\w+: /.test(step.shown)])
  }

  /** Types a command that goes on, and waits until it has shown this. Returns all that it has shown. */
  async start(command: string, ready: RegExp): Promise<string> {
    this.type(command)
    const [output] = await this.until(ready)
    return output
  }

  private type(text: string): void {
    this.shell.stdin.write(`${this.addresses.put(text)}\n`)
  }

  private async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.addresses.back(this.shown))
      if (found) {
        this.shown = ''
        return found
      }
      if (this.shell.exitCode !== null || this.shell.signalCode !== null) {
        throw new Error(`the shell ended: ${this.shown}`)
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }
}
