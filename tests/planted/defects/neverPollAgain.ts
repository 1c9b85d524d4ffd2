import type { Defect } from '../defect.ts'

export const defect: Defect = {
  what: 'a device fetches the feed once and then only waits for what is pushed',
  file: 'packages/local/src/feed/watchFeed.ts',
  before: '  while (!signal.aborted) {\n    await watch.exclusively(() => poll(watch))',
  after: '  for (; !signal.aborted; await new Promise(() => {})) {\n    await watch.exclusively(() => poll(watch))',
  caughtBy: {
    world: '7 6 12 stormy',
    property: 'no ended code runs that the device could know of',
  },
}
