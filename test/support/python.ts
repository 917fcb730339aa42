import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './process.js'
import { haveTool, interopTool } from './tools.js'

const PROTO = fileURLToPath(new URL('../../proto', import.meta.url))
/** The Python that has them, if any has. */
export const PYTHON = interopTool('venv/bin/python', 'python3')
const PACKAGES = 'cryptography, grpc_health, grpc_tools'

/** Whether there is a Python with these packages of test/interop/python/requirements.txt. */
export const havePython = (packages = PACKAGES) =>
  haveTool('python', [PYTHON, '-c', `import ${packages}`])

/** Runs Python to its good end and returns what it printed. */
export async function python(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(PYTHON, args)
  if (code !== 0) {
    throw new Error(`python ended with ${code}: ${stderr}`)
  }
  return stdout
}

/** Makes modules of all contracts in a new folder of this directory, and returns that folder. */
export async function pythonStubs(directory: string): Promise<string> {
  const stubs = join(directory, 'stubs')
  await mkdir(stubs)
  const contracts = (await readdir(PROTO, { recursive: true })).filter((file) =>
    file.endsWith('.proto'),
  )
  const out = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`]
  await python(['-m', 'grpc_tools.protoc', `--proto_path=${PROTO}`, ...out, ...contracts])
  return stubs
}
