import { controlJobsRoute, getStatusRoute } from '@countersign/protocol/api/admin.ts'
import { type AdminOptions, callAdmin } from './callAdmin.ts'
import { printJson, printLine, printTable } from './print.ts'

/** What `countersign-server jobs` was asked to do. */
export type JobsCommand = { readonly do: 'list' | 'pause' | 'resume' } | { readonly do: 'run'; readonly job: string }

/** `countersign-server jobs list|pause|resume|run`. Prints how the jobs stand afterwards. */
export async function jobs(command: JobsCommand, options: AdminOptions): Promise<void> {
  const { jobs, paused } = await carryOut(command, options.data)
  if (options.json) return printJson({ jobs, paused })
  if (paused) printLine('Scheduled work is paused; `countersign-server jobs resume` starts it again.')
  printTable(
    jobs.map((job) => [
      job.name,
      `last ${job.lastRunAt ?? 'never'}`,
      `next ${job.nextRunAt ?? '-'}`,
      job.lastError ?? '',
    ]),
  )
}

async function carryOut(command: JobsCommand, data: string) {
  if (command.do === 'list') {
    const status = await callAdmin(data, getStatusRoute, {})
    return { jobs: status.jobs, paused: status.scheduledWorkPaused }
  }
  if (command.do === 'run') return callAdmin(data, controlJobsRoute, { body: { do: 'run', job: command.job } })
  return callAdmin(data, controlJobsRoute, { body: { do: command.do } })
}
