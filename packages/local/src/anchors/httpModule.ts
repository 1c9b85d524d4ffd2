/**
 * The module of Node.js that sends requests to `url`. Loaded with the first request, so that offline commands start without
 * the network stack. Not by an import: that would also load a WebSocket client, only because `node:http` exports one, which
 * is 50 ms of every program that makes a request.
 */
export function httpModule(url: URL): typeof import('node:http') | typeof import('node:https') {
  return url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
}
