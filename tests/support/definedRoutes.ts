import { globSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ListenerName, Route } from '@countersign/protocol/api/route.ts'

const api = path.resolve(import.meta.dirname, '..', '..', 'packages', 'protocol', 'src', 'api')

/** Every route of one listener that any file of `protocol/api` defines: found by looking, so that none can be forgotten. */
export async function definedRoutes(listener: ListenerName): Promise<Route[]> {
  const files = globSync(path.join(api, '*.ts')).filter((file) => !file.endsWith('.test.ts'))
  const modules = await Promise.all(files.map((file): Promise<object> => import(pathToFileURL(file).href)))
  const routes = modules.flatMap((one) => Object.values(one)).filter(isRoute)
  return routes.filter(({ listeners }) => listeners.includes(listener))
}

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'listeners' in value && 'path' in value
}
