/** A named registry package that the catalogue is compared with npm on. */
export interface ComparedPackage {
  readonly name: string
  readonly version: string
}

const SPECS = [
  'http-server@14.1.1',
  'sirv-cli@3.0.1',
  'express@4.21.2',
  'express@5.1.0',
  'koa@2.16.1',
  'fastify@5.3.3',
  'commander@13.1.0',
  'chalk@4.1.2',
  'chalk@5.4.1',
  'yargs@17.7.2',
  'glob@10.4.5',
  'rimraf@5.0.10',
  'mkdirp@3.0.1',
  'semver@7.7.1',
  'uuid@11.1.0',
  'lodash@4.17.21',
  'axios@1.9.0',
  'got@14.4.7',
  'debug@4.4.1',
  'winston@3.17.0',
  'pino@9.7.0',
  'ws@8.18.2',
  'mocha@11.5.0',
  'eslint@9.27.0',
  'prettier@3.5.3',
  'esbuild@0.25.4',
  'tar@7.4.3',
  'npm@10.9.2',
  '@fastify/cors@11.0.1',
  '@types/node@22.15.21',
]

/** The 30 packages: small and large trees, scopes, aliases, bundled and optional dependencies, binaries in packages. */
export const comparedPackages: readonly ComparedPackage[] = SPECS.map((spec) => {
  const at = spec.lastIndexOf('@')
  return { name: spec.slice(0, at), version: spec.slice(at + 1) }
})
