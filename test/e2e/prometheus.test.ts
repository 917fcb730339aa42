import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { freeAddress } from '../support/free-port.mjs'
import { run, startServer, temporaryDirectory } from '../support/process.js'
import { haveTool, interopTool } from '../support/tools.js'

const PROMETHEUS = interopTool('prometheus/usr/bin/prometheus', 'prometheus')
const PROMTOOL = interopTool('prometheus/usr/bin/promtool', 'promtool')
const RULES = fileURLToPath(new URL('../../packaging/prometheus-rules.yml', import.meta.url))
const DASHBOARD = new URL('../../packaging/grafana-dashboard.json', import.meta.url)

const directory = await temporaryDirectory(afterAll)
const expressions: string[] = JSON.parse(await readFile(DASHBOARD, 'utf8')).panels.flatMap(
  ({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr),
)

describe('the dashboard and the rules', () => {
  it('name only metrics that a server has', async () => {
    const server = await startServer({ dataDir: join(directory, 'data') })
    onTestFinished(async () => void (await server.stop()))
    const served = await (await fetch(`${server.ready.http}/metrics`)).text()
    const told = new Set([...served.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name))
    const text = [...expressions, await readFile(RULES, 'utf8')].join('\n')
    const named = [...text.matchAll(/\b(?:sessiond|nodejs|process)_\w+/g)].map(([name]) =>
      name.replace(/_bucket$/, ''),
    )
    expect(new Set(named).size).toBeGreaterThan(20)
    expect(named.filter((name) => !told.has(name))).toEqual([])
  })
})

/** For each alert, series that must raise it at 10 minutes. */
const SERIES: Record<string, string> = {
  SessiondDown: 'up{job="sessiond", instance="a"}',
  SessiondStoreFails: 'sessiond_store_failures_total{instance="a"}',
  SessiondAuditFails: 'sessiond_audit_queue_depth{instance="a"}',
  SessiondInternalErrors: 'sessiond_grpc_calls_total{instance="a", method="m", code="INTERNAL"}',
  SessiondSlowDisk: 'sessiond_store_commit_duration_seconds_bucket{instance="a", le="1"}',
  SessiondBusy: 'nodejs_eventloop_lag_p99_seconds{job="sessiond", instance="a"}',
  SessiondClockSuspect: 'sessiond_clock_suspect{instance="a"}',
  SessiondEventsLate: 'sessiond_store_event_lag_seconds{instance="a", shard="7"}',
  SessiondSweepFails: 'sessiond_sweep_failures_total{instance="a"}',
}
const VALUES: Record<string, string> = {
  SessiondDown: '0x20',
  SessiondClockSuspect: '1x20',
  SessiondBusy: '0.3x20',
  SessiondEventsLate: '11x20',
}

describe.skipIf(!haveTool('prometheus', [PROMETHEUS, '--version']))('Prometheus', () => {
  it('takes the rules, and each alert fires when it should', async () => {
    const checked = await run(PROMTOOL, ['check', 'rules', RULES])
    expect(checked, checked.stderr).toMatchObject({ code: 0 })
    const alerts = [...(await readFile(RULES, 'utf8')).matchAll(/- alert: (\w+)/g)].map(
      ([, name = '']) => name,
    )
    expect(alerts).toEqual(Object.keys(SERIES))
    const test = (alert: string, values: string, fires: boolean) => ({
      interval: '1m',
      input_series: [
        { series: SERIES[alert], values },
        // The histogram needs its last bucket.
        ...(alert === 'SessiondSlowDisk'
          ? [{ series: SERIES[alert]?.replace('le="1"', 'le="+Inf"'), values }]
          : []),
      ],
      promql_expr_test: [
        {
          expr: `count(ALERTS{alertname="${alert}", alertstate="firing"})`,
          eval_time: '10m',
          exp_samples: fires ? [{ labels: '{}', value: 1 }] : [],
        },
      ],
    })
    const quiet = (alert: string) => (alert === 'SessiondDown' ? '1x20' : '0x20')
    const tests = alerts.flatMap((alert) => [
      test(alert, VALUES[alert] ?? '0+1x20', true),
      test(alert, quiet(alert), false),
    ])
    const file = join(directory, 'tests.yml')
    await writeFile(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests }))
    const tested = await run(PROMTOOL, ['test', 'rules', file])
    expect(tested, tested.stdout + tested.stderr).toMatchObject({ code: 0 })
  })

  it('scrapes a server, evaluates the rules, and answers what the dashboard asks', async () => {
    const server = await startServer({ dataDir: join(directory, 'scraped') })
    onTestFinished(async () => void (await server.stop()))
    const ask = await startPrometheus(new URL(server.ready.http).host)
    await expect.poll(async () => (await ask('targets')).activeTargets?.[0]?.health).toBe('up')
    await expect
      .poll(async () => {
        const [group] = (await ask('rules')).groups ?? []
        return [...new Set(group?.rules.map(({ health }) => health))]
      })
      .toEqual(['ok'])
    for (const expression of expressions) {
      const query = expression
        .replaceAll('$__rate_interval', '1m')
        .replaceAll('instance=~"$instance"', 'instance=~".*"')
      const { resultType } = await ask(`query?query=${encodeURIComponent(query)}`)
      expect([query, resultType]).toEqual([query, 'vector'])
    }
    const open = await ask('query?query=sessiond_open_sessions')
    expect(open.result).toHaveLength(1)
  })
})

interface Answer {
  readonly activeTargets?: readonly { readonly health: string }[]
  readonly groups?: readonly { readonly rules: readonly { readonly health: string }[] }[]
  readonly resultType?: string
  readonly result?: readonly unknown[]
}

/** Starts Prometheus with our rules for one target. Returns its API: `/api/v1/…`. */
async function startPrometheus(target: string): Promise<(path: string) => Promise<Answer>> {
  const config = join(directory, 'prometheus.yml')
  const job = { job_name: 'sessiond', static_configs: [{ targets: [target] }] }
  const global = { scrape_interval: '1s', evaluation_interval: '1s' }
  await writeFile(config, JSON.stringify({ global, rule_files: [RULES], scrape_configs: [job] }))
  // Prometheus does not say which port it got.
  const address = await freeAddress()
  const child = spawn(
    PROMETHEUS,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'tsdb')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  )
  onTestFinished(async () => {
    child.kill()
    await (child.exitCode === null && once(child, 'exit'))
  })
  const ask = async (path: string) => {
    const response = await fetch(`http://${address}/api/v1/${path}`)
    return ((await response.json()) as { data: Answer }).data
  }
  await expect
    .poll(() =>
      ask('targets').then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
  return ask
}
