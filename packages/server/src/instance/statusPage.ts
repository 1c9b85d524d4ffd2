import type { InstanceStatus } from '@countersign/protocol/api/admin.ts'
import { type Html, html, htmlPage } from '../account/htmlPage.ts'
import { deviceRows, validatorRow } from './fleetRows.ts'

/** The status as a page without scripts: the same facts as `countersign-server status`. */
export function statusPage(status: InstanceStatus): string {
  const body = html`
<p>${status.environment} instance at <code>${status.publicUrl}</code>, version ${status.version}</p>
${attention(status)}
${section('Addresses', [
  ['public', status.publicUrl],
  ['plain (tiles, CRLs, TUF)', status.publicHttpUrl],
  ['identity issuer', status.issuer],
  ['API description', `${status.publicUrl}/openapi.json`],
  ['anchors (TUF)', `${status.publicUrl}/tuf`],
])}
${section(
  'Logs',
  status.logs.map((log) => [`${log.name}: ${log.origin}`, log.size, log.root]),
)}
${section(
  'What ends when',
  status.expiries.map((one) => [one.name, one.notAfter]),
)}
${section(
  'Protections',
  status.protections.map((one) => [one.name, one.active ? 'active' : 'not active', one.detail]),
)}
${section('Validators', status.validators.map(validatorRow))}
${section('Devices', deviceRows(status.devices))}
${section('Machine', [
  ['clock', status.clock.now],
  ['newest checkpoint', status.clock.newestCheckpoint],
  ['disk', `${gibibytes(status.disk.freeBytes)} of ${gibibytes(status.disk.totalBytes)} free`],
  ['scheduled work', status.scheduledWorkPaused ? 'paused' : 'running'],
])}`
  return htmlPage(`Countersign at ${new URL(status.publicUrl).hostname}`, body)
}

function attention({ attention }: InstanceStatus): Html {
  if (attention.length === 0) return html`<p>Nothing needs attention.</p>`
  const lines = attention.map(({ code, message }) => html`<li>${message} (${code})</li>`)
  return html`<div class="public"><p><strong>Needs attention</strong></p><ul>${lines}</ul></div>`
}

function section(title: string, rows: readonly (readonly string[])[]): Html {
  const lines = rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)
  return html`<h2>${title}</h2><table>${lines}</table>`
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
